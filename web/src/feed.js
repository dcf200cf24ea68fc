// What the node or the hub says, kept up to date: one stream of events, which say when to look again, and the lists that the page
// shows.  A look is due when an event came, and every few seconds for the figures that no event tells.
import { afterOf } from './query.js';
import { EventParser } from './sse.js';

const LOOK_MS = 5000;
const GAP_MS = 300; // between two looks, however many events come; longer where looking takes long
const SILENCE_MS = 45_000; // a server sends something every 15 s
const RETRY_MS = [500, 1000, 2000, 4000, 5000];
const AWAY_MS = 60_000; // a tab that nobody sees gives its connection back: a browser has six of them per origin

export class Refused extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

const pause = (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
});

export class Feed {
    // connecting | live | lost | login | away
    state = { phase: 'connecting', since: null, reason: '', data: {}, lookedAt: null };
    #token;
    #sources = {};
    #tags = new Map();
    #parser = new EventParser();
    #onChange;
    #onEvent;
    #stop = new AbortController();
    #stream = null;
    #looking = null;
    #lookAgain = false;
    #lookTimer = null;
    #lookedMs = 0;
    #gapMs = GAP_MS;
    #wake = null;

    constructor({ token, onChange, onEvent }) {
        this.#token = token;
        this.#onChange = onChange;
        this.#onEvent = onEvent;
    }
    start() {
        document.addEventListener('visibilitychange', () => this.#seen());
        void this.#run();
        setInterval(() => this.state.phase === 'live' && !document.hidden && this.look(), LOOK_MS);
    }
    // { name: path }: what the present page shows.  `turned`: it is another page, of which nothing is known yet.
    show(sources, turned) {
        this.#sources = sources;
        this.#tags.clear();
        if (turned) this.#set({ data: {} });
        if (this.state.phase === 'live') this.look();
    }
    signIn(token) {
        this.#token = token;
        this.#tags.clear();
        this.#set({ phase: 'connecting', reason: '', data: {} });
        this.#stream?.abort();
        this.#wake?.();
    }
    // Changes something, and looks at what came of it.  '' or why it was refused.
    async send(method, path, body = {}) {
        const response = await fetch(path, { method, headers: this.#headers({ 'Content-Type': 'application/json' }), body: JSON.stringify(body), cache: 'no-store' });
        const why = response.ok ? '' : (await refusal(response)).message;
        this.look();
        return why;
    }
    #set(change) {
        this.state = { ...this.state, ...change };
        this.#onChange(this.state);
    }
    #headers(more) {
        return this.#token ? { Authorization: `Bearer ${this.#token}`, ...more } : more;
    }

    // -- the stream --

    async #run() {
        for (let failures = 0; !this.#stop.signal.aborted; failures++) {
            this.#stream = new AbortController();
            const begun = performance.now();
            const reason = await this.#follow().catch((error) => error);
            if (performance.now() - begun > 10_000) failures = 0;
            if (reason instanceof Refused && (reason.status === 401 || reason.status === 403)) {
                this.#set({ phase: 'login', reason: this.#token || reason.status === 403 ? reason.message : '' });
                await new Promise((resolve) => (this.#wake = resolve));
                failures = 0;
                continue;
            }
            if (this.state.phase === 'away') {
                await new Promise((resolve) => (this.#wake = resolve));
                failures = 0;
                continue;
            }
            if (this.state.phase !== 'lost') this.#set({ phase: 'lost', since: Date.now(), reason: reason?.message ?? '' });
            this.#wake = () => this.#stream.abort();
            this.#stream = new AbortController();
            await pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)], this.#stream.signal);
        }
    }
    async #follow() {
        const { signal } = this.#stream;
        const resume = this.#parser.lastId ? { 'Last-Event-ID': this.#parser.lastId } : {};
        const response = await fetch('/api/v1/events', { headers: this.#headers({ Accept: 'text/event-stream', ...resume }), cache: 'no-store', signal });
        if (!response.ok) throw await refusal(response);
        await this.#lookNow();
        this.#set({ phase: 'live', since: null, reason: '' });
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let timer = null;
        const silent = () => {
            clearTimeout(timer);
            timer = setTimeout(() => this.#stream.abort(), SILENCE_MS);
        };
        try {
            for (silent(); ; silent()) {
                const { done, value } = await reader.read();
                if (done) throw new Error('the stream was closed');
                for (const event of this.#parser.push(value)) this.#take(event);
            }
        } finally {
            clearTimeout(timer);
        }
    }
    #take(event) {
        this.#onEvent?.(event);
        this.look();
    }
    #seen() {
        if (document.hidden) {
            this.hiddenTimer = setTimeout(() => {
                if (this.state.phase !== 'live') return;
                this.#set({ phase: 'away' });
                this.#stream.abort();
            }, AWAY_MS);
            return;
        }
        clearTimeout(this.hiddenTimer);
        if (this.state.phase === 'away') {
            this.#set({ phase: 'connecting' });
            this.#wake?.();
        } else this.look();
    }

    // -- the lists --

    // Soon, and once for however many asked.
    look() {
        if (this.#looking) {
            this.#lookAgain = true;
            return;
        }
        this.#lookTimer ??= setTimeout(() => {
            this.#lookTimer = null;
            this.#lookNow().catch(() => {}); // a list that fails says so itself
        }, Math.max(0, this.#gapMs - (performance.now() - this.#lookedMs)));
    }
    async #lookNow() {
        await this.#looking?.catch(() => {});
        const sources = this.#sources;
        const begun = performance.now();
        this.#looking = Promise.all(Object.entries(sources).map(([name, path]) => this.#fetch(name, path)));
        try {
            const parts = (await this.#looking).filter(Boolean);
            if (sources === this.#sources) this.#set({ data: { ...this.state.data, ...Object.fromEntries(parts) }, lookedAt: Date.now() });
        } finally {
            this.#looking = null;
            this.#lookedMs = performance.now();
            this.#gapMs = Math.max(GAP_MS, 5 * (this.#lookedMs - begun));
            if (this.#lookAgain) {
                this.#lookAgain = false;
                this.look();
            }
        }
    }
    // [name, { json, error, next }]; nothing when it is as it was.  One list that is refused leaves the others alone.
    async #fetch(name, path) {
        const tag = this.#tags.get(path);
        const response = await fetch(path, { headers: this.#headers(tag ? { 'If-None-Match': tag } : {}), cache: 'no-store' });
        if (response.status === 304) return null;
        if (response.status === 401) throw await refusal(response);
        if (!response.ok) return [name, { json: null, error: (await refusal(response)).message }];
        this.#tags.set(path, response.headers.get('ETag'));
        return [name, { json: await response.json(), error: null, next: afterOf(response.headers.get('Link')) }];
    }
}

async function refusal(response) {
    const problem = await response.json().catch(() => ({}));
    return new Refused(response.status, problem.detail ?? response.statusText);
}
