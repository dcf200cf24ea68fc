// http.mjs -- requests to a node: well-formed ones over TCP or the Unix socket, and raw bytes for those that are not.
import http from 'node:http';
import net from 'node:net';
import { deadline, waitUntil } from './wait.mjs';

const parse = (text) => {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
};

function encode(body, headers) {
    if (body === undefined || body === null || typeof body === 'string' || Buffer.isBuffer(body)) return body;
    headers['content-type'] ??= 'application/json';
    return JSON.stringify(body);
}

// target: { host, port } or { socketPath }, and an agent.  A body that is an object goes as JSON; text and buffers go as
// they are, so a test chooses its own Content-Type.  Resolves to { status, headers, text, json, bytes }.
export function request(target, method, path, body, headers = {}) {
    headers = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const payload = encode(body, headers);
    if (payload !== undefined && payload !== null) headers['content-length'] ??= Buffer.byteLength(payload);
    return new Promise((resolve, reject) => {
        const outgoing = http.request({ ...target, method, path, headers, timeout: deadline(60_000) }, (incoming) => {
            const parts = [];
            incoming.on('data', (part) => parts.push(part));
            incoming.on('error', reject);
            incoming.on('end', () => {
                const bytes = Buffer.concat(parts);
                const text = bytes.toString('utf8');
                resolve({ status: incoming.statusCode, headers: incoming.headers, bytes, text, json: parse(text) });
            });
        });
        outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${method} ${path}`)));
        outgoing.on('error', reject);
        outgoing.end(payload ?? undefined);
    });
}

// A connection that sends exactly what it is told to.
export class RawConnection {
    #socket;
    #parts = [];
    closed = false;

    constructor(target) {
        this.#socket = net.connect(target.socketPath ? { path: target.socketPath } : target);
        this.#socket.on('data', (part) => this.#parts.push(part));
        this.#socket.on('error', () => {}); // a reset is one way to be refused: it shows as closed
        this.#socket.on('close', () => (this.closed = true));
    }
    static async open(target) {
        const raw = new RawConnection(target);
        await waitUntil(() => raw.#socket.readyState === 'open' || raw.closed, 'a connection');
        return raw;
    }
    get text() {
        return Buffer.concat(this.#parts).toString('latin1');
    }
    get localPort() {
        return this.#socket.localPort;
    }
    // Status codes of all responses so far, in order.
    get statuses() {
        return [...this.text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((m) => Number(m[1]));
    }
    write(bytes) {
        this.#socket.write(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1'));
        return this;
    }
    endWriting() {
        this.#socket.end();
    }
    reset() {
        this.#socket.resetAndDestroy();
    }
    destroy() {
        this.#socket.destroy();
    }
    waitStatus(count = 1, ms) {
        return waitUntil(() => (this.statuses.length >= count ? this.statuses : null), `${count} response(s)`, ms);
    }
    waitClosed(ms) {
        return waitUntil(() => this.closed, 'the connection to be closed', ms);
    }
}

// Sends bytes on a connection of its own; resolves to { status, text, closed } once an answer is there or it was closed.
export async function sendRaw(target, bytes, ms) {
    const raw = await RawConnection.open(target);
    try {
        raw.write(bytes);
        await waitUntil(() => raw.statuses.length > 0 || raw.closed, 'an answer or the end of the connection', ms);
        return { status: raw.statuses[0] ?? null, text: raw.text, closed: raw.closed };
    } finally {
        raw.destroy();
    }
}

// A Server-Sent Events stream, kept in `events` as { id, event, data } (data parsed where it is JSON).
export class EventStream {
    events = [];
    status = null;
    ended = false;
    #request;
    #rest = '';

    constructor(target, path, headers = {}) {
        this.#request = http.request({ ...target, agent: false, path, headers: { accept: 'text/event-stream', ...headers } }, (incoming) => {
            this.status = incoming.statusCode;
            incoming.setEncoding('utf8');
            incoming.on('data', (text) => this.#take(text));
            incoming.on('error', () => {});
            incoming.on('close', () => (this.ended = true));
        });
        this.#request.on('error', () => (this.ended = true));
        this.#request.end();
    }
    static async open(target, path, headers) {
        const stream = new EventStream(target, path, headers);
        await waitUntil(() => stream.status !== null || stream.ended, 'the head of the event stream');
        return stream;
    }
    #take(text) {
        const blocks = (this.#rest + text).split(/\r?\n\r?\n/);
        this.#rest = blocks.pop();
        for (const block of blocks) {
            const event = { id: null, event: 'message', data: '' };
            for (const line of block.split(/\r?\n/)) {
                const [, name, value] = line.match(/^(\w+): ?(.*)$/) ?? [];
                if (name === 'data') event.data += (event.data ? '\n' : '') + value;
                else if (name) event[name] = value;
            }
            if (event.data === '') continue; // a comment that keeps the connection alive
            event.data = parse(event.data) ?? event.data;
            this.events.push(event);
        }
    }
    waitFor(predicate, what, ms) {
        return waitUntil(() => this.events.find(predicate), what, ms);
    }
    close() {
        this.#request.destroy();
    }
}
