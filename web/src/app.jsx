// The shell: navigation, state of the connection, sign-in, and the page that the address names.
import { Component } from 'preact';
import { Feed } from './feed.js';
import { noteHistory, reuseRows } from './fleet-rows.js';
import { span } from './format.js';
import { Lists } from './lists.jsx';
import { defaults, parseQuery, printQuery } from './query.js';

const TOKEN = 'muster.token'; // of this tab alone
const HISTORY_MS = 4500;

const readQuery = (pages) => parseQuery(location.search, pages.map((page) => page.name), location.pathname);

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

function SignIn({ program, reason, onToken }) {
    const submit = (event) => {
        event.preventDefault();
        onToken(new FormData(event.currentTarget).get('token').trim());
    };
    return (
        <form class="sign-in" onSubmit={submit}>
            <h2>Sign in</h2>
            <p>{program.signIn} It is kept until this tab is closed.</p>
            {reason && <p role="alert" class="refused">{reason}</p>}
            <label>Token <input name="token" type="password" autocomplete="off" spellcheck={false} required autoFocus /></label>
            <button type="submit">Sign in</button>
        </form>
    );
}

export class App extends Component {
    state = { query: readQuery(this.props.program.pages), feed: { phase: 'connecting', data: {} }, now: Date.now(), history: new Map(), news: '', refused: '', lists: {} };
    #historyAt = 0;
    #shown = '';

    componentDidMount() {
        this.feed = new Feed({
            token: sessionStorage.getItem(TOKEN),
            onChange: (feed) => this.#update(feed),
            onEvent: (event) => this.#tell(event),
        });
        this.#show(this.state.query, true);
        this.feed.start();
        setInterval(() => document.hidden || this.setState({ now: Date.now() }), 1000);
        addEventListener('popstate', () => this.#goTo(readQuery(this.props.program.pages)));
    }
    #pageOf(query) {
        const { pages } = this.props.program;
        return pages.find((page) => page.name === query.page) ?? pages[0];
    }
    // What the page asks for can depend on its filters.
    #show(query, turned) {
        const sources = this.#pageOf(query).sourcesOf(query);
        const text = JSON.stringify(sources);
        if (!turned && text === this.#shown) return;
        this.#shown = text;
        this.feed.show(sources, turned);
    }
    #update(feed) {
        this.setState((state) => {
            const lists = { ...state.lists };
            for (const { name, source, rowsOf, idOf } of this.#pageOf(state.query).lists) {
                const part = feed.data[source];
                if (part?.json && part !== state.feed.data[source]) lists[name] = reuseRows(lists[name] ?? [], rowsOf(part.json), idOf);
            }
            return { feed, lists, now: Date.now(), ...this.#noted(state, feed, lists) };
        });
    }
    #noted(state, feed, lists) {
        if (feed.lookedAt === state.feed.lookedAt || feed.lookedAt - this.#historyAt <= HISTORY_MS || !lists.agents) return {};
        this.#historyAt = feed.lookedAt;
        return { history: noteHistory(state.history, lists.agents, 'cpu_percent') };
    }
    // Read out: something has come into trouble.
    #tell({ type, data }) {
        const news = this.props.program.newsOf(type, data);
        if (news) this.setState({ news });
    }
    #goTo(query) {
        const turned = query.page !== this.state.query.page || query.id !== this.state.query.id;
        this.setState(turned ? { query, lists: {}, refused: '' } : { query });
        this.#show(query, turned);
        document.title = `${this.#pageOf(query).title} · ${this.props.program.title}`;
    }
    // Typing replaces the address; choosing a page adds to the history.
    onQuery = (change) => {
        const query = { ...this.state.query, ...change };
        history.replaceState(null, '', printQuery(query));
        this.#goTo(query);
    };
    go = (event, query) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button > 0) return;
        event.preventDefault();
        history.pushState(null, '', printQuery(query));
        this.#goTo(query);
    };
    // What a page changes by way of the API; a refusal is shown in the server's words.
    act = async (method, path, body) => {
        const refused = await this.feed.send(method, path, body).catch((error) => error.message);
        this.setState({ refused });
    };
    onToken = (token) => {
        if (token) sessionStorage.setItem(TOKEN, token);
        else sessionStorage.removeItem(TOKEN);
        this.feed.signIn(token || null);
    };

    render({ program }, { query, feed, now, history, news, refused, lists }) {
        const page = this.#pageOf(query);
        const Page = page.component ?? Lists;
        const isReady = page.lists.every((list) => lists[list.name]);
        const sources = page.sourcesOf(query);
        const errors = Object.entries(feed.data).filter(([name, part]) => part.error && sources[name]);
        const nothing = errors.length > 0 ? null : feed.phase === 'lost' ? `Nothing has been heard of the ${program.name} yet.` : `Asking the ${program.name} …`;
        const links = program.pages.filter((p) => !p.under).map((p, i) => [p, { ...defaults, page: i === 0 ? '' : p.name }]);
        return (
            <>
                <a class="skip" href="#main">Skip to the page</a>
                <header>
                    <h1>muster <span class="program">{program.name}</span></h1>
                    <nav aria-label="Pages">
                        {links.map(([p, to]) => (
                            <a key={p.name} href={printQuery(to)} aria-current={p === page ? 'page' : p.name === page.under ? 'true' : undefined} onClick={(e) => this.go(e, to)}>{p.title}</a>
                        ))}
                    </nav>
                    <Connection feed={feed} now={now} />
                    {sessionStorage.getItem(TOKEN) && feed.phase !== 'login' && <button type="button" onClick={() => this.onToken('')}>Sign out</button>}
                </header>
                <main id="main" tabIndex={-1} aria-label={page.title}>
                    {errors.map(([name, { error }]) => <p key={name} role="alert" class="refused">{name}: {error}</p>)}
                    {refused && <p role="alert" class="refused">{refused}</p>}
                    {feed.phase === 'login' ? <SignIn program={program} reason={feed.reason} onToken={this.onToken} />
                        : isReady ? <Page page={page} query={query} onQuery={this.onQuery} go={this.go} act={this.act} lists={lists} data={feed.data} history={history} now={now} />
                        : <p class="empty">{nothing}</p>}
                </main>
                <div class="unseen" role="status" aria-live="polite">{feed.phase === 'lost' ? 'Connection lost, retrying.' : news}</div>
            </>
        );
    }
}
