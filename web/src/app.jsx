// The shell: navigation, state of the connection, sign-in, and the page that the address names.
import { Component } from 'preact';
import { Feed } from './feed.js';
import { noteHistory, reuseRows } from './fleet-rows.js';
import { span } from './format.js';
import { Lists } from './lists.jsx';
import { pages } from './pages.jsx';
import { defaults, parseQuery, printQuery } from './query.js';
import { familyOf } from './verdicts.js';

const TOKEN = 'muster.token'; // of this tab alone
const HISTORY_MS = 4500;

const readQuery = () => parseQuery(location.search, pages.map((page) => page.name));
const pageOf = (query) => pages.find((page) => page.name === query.page);

function Connection({ feed, now }) {
    const words = {
        connecting: 'connecting …',
        live: 'live',
        away: 'paused while this tab is not seen',
        lost: `connection lost since ${span((now - feed.since) / 1000)}, retrying`,
        login: 'not signed in',
    };
    return <p class={`connection ${feed.phase}`} data-phase={feed.phase} title={feed.reason || undefined}>{words[feed.phase]}</p>;
}

function SignIn({ reason, onToken }) {
    const submit = (event) => {
        event.preventDefault();
        onToken(new FormData(event.currentTarget).get('token').trim());
    };
    return (
        <form class="sign-in" onSubmit={submit}>
            <h2>Sign in</h2>
            <p>This node asks for a token. <code>muster tokens create --role viewer</code> on its host makes one. It is kept until this tab is closed.</p>
            {reason && <p role="alert" class="refused">{reason}</p>}
            <label>Token <input name="token" type="password" autocomplete="off" spellcheck={false} required autoFocus /></label>
            <button type="submit">Sign in</button>
        </form>
    );
}

export class App extends Component {
    state = { query: readQuery(), feed: { phase: 'connecting', data: {} }, now: Date.now(), history: new Map(), news: '', lists: {} };
    #historyAt = 0;

    componentDidMount() {
        this.feed = new Feed({
            token: sessionStorage.getItem(TOKEN),
            onChange: (feed) => this.#update(feed),
            onEvent: (event) => this.#tell(event),
        });
        this.feed.show(pageOf(this.state.query).sources);
        this.feed.start();
        setInterval(() => document.hidden || this.setState({ now: Date.now() }), 1000);
        addEventListener('popstate', () => this.#goTo(readQuery()));
    }
    #update(feed) {
        const lists = { ...this.state.lists };
        for (const { name, source, rowsOf, idOf } of pageOf(this.state.query).lists) {
            const part = feed.data[source];
            if (part?.json && part !== this.state.feed.data[source]) lists[name] = reuseRows(lists[name] ?? [], rowsOf(part.json), idOf);
        }
        let { history } = this.state;
        if (feed.lookedAt !== this.state.feed.lookedAt && feed.lookedAt - this.#historyAt > HISTORY_MS && lists.agents) {
            history = noteHistory(history, lists.agents, 'cpu_percent');
            this.#historyAt = feed.lookedAt;
        }
        this.setState({ feed, lists, history, now: Date.now() });
    }
    // Read out: an agent has come into trouble.
    #tell({ type, data }) {
        if (type !== 'event.agent.verdict') return;
        const { agent_name: name, to, cause } = JSON.parse(data);
        if (familyOf(to) === 'trouble') this.setState({ news: `${name}: ${to}. ${cause}` });
    }
    #goTo(query) {
        const turned = query.page !== this.state.query.page;
        this.setState(turned ? { query, lists: {} } : { query });
        if (turned) this.feed.show(pageOf(query).sources);
        document.title = `${pageOf(query).title} · muster`;
    }
    // Typing replaces the address; choosing a page adds to the history.
    onQuery = (change) => {
        const query = { ...this.state.query, ...change };
        history.replaceState(null, '', printQuery(query));
        this.#goTo(query);
    };
    onPage = (event, name) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button > 0) return;
        event.preventDefault();
        const query = { ...defaults, page: name };
        history.pushState(null, '', printQuery(query));
        this.#goTo(query);
    };
    onToken = (token) => {
        if (token) sessionStorage.setItem(TOKEN, token);
        else sessionStorage.removeItem(TOKEN);
        this.feed.signIn(token || null);
    };

    render(_, { query, feed, now, history, news, lists }) {
        const page = pageOf(query);
        const Page = page.component ?? Lists;
        const isReady = page.lists.every((list) => lists[list.name]);
        const errors = Object.entries(feed.data).filter(([name, part]) => part.error && page.sources[name]);
        return (
            <>
                <a class="skip" href="#main">Skip to the page</a>
                <header>
                    <h1>muster</h1>
                    <nav aria-label="Pages">
                        {pages.map((p) => (
                            <a key={p.name} href={printQuery({ ...defaults, page: p.name })} aria-current={p === page ? 'page' : undefined} onClick={(e) => this.onPage(e, p.name)}>{p.title}</a>
                        ))}
                    </nav>
                    <Connection feed={feed} now={now} />
                    {sessionStorage.getItem(TOKEN) && feed.phase !== 'login' && <button type="button" onClick={() => this.onToken('')}>Sign out</button>}
                </header>
                <main id="main" tabIndex={-1} aria-label={page.title}>
                    {errors.map(([name, { error }]) => <p key={name} role="alert" class="refused">{name}: {error}</p>)}
                    {feed.phase === 'login' ? <SignIn reason={feed.reason} onToken={this.onToken} />
                        : isReady ? <Page page={page} query={query} onQuery={this.onQuery} lists={lists} data={feed.data} history={history} now={now} />
                        : <p class="empty">{feed.phase === 'lost' ? 'Nothing has been heard of the node yet.' : 'Asking the node …'}</p>}
                </main>
                <div class="unseen" role="status" aria-live="polite">{feed.phase === 'lost' ? 'Connection lost, retrying.' : news}</div>
            </>
        );
    }
}
