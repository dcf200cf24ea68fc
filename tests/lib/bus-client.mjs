// bus-client.mjs -- a raw session with the bus, byte for byte as the client protocol has it: for payloads that no library
// would send, and to see that none is needed.
import net from 'node:net';
import { waitUntil } from './wait.mjs';

export class BusClient {
    messages = []; // { subject, payload }, payload parsed where it is JSON
    errors = [];
    closed = false;
    #socket;
    #rest = Buffer.alloc(0);
    #pongs = 0;
    #pings = 0;
    #subscriptions = 0;
    #onMessage;

    // target: { port } or { path }
    static async open(target, { onMessage } = {}) {
        const client = new BusClient();
        client.#onMessage = onMessage;
        client.#socket = net.connect({ host: '127.0.0.1', ...target });
        client.#socket.on('data', (bytes) => client.#take(bytes));
        client.#socket.on('error', () => {});
        client.#socket.on('close', () => (client.closed = true));
        client.#write('CONNECT {"verbose":false,"pedantic":false}\r\n');
        await client.flush();
        return client;
    }
    #write(bytes) { this.#socket.write(bytes); }
    #take(bytes) {
        this.#rest = Buffer.concat([this.#rest, bytes]);
        for (;;) {
            const end = this.#rest.indexOf('\r\n');
            if (end < 0) return;
            const words = this.#rest.subarray(0, end).toString('latin1').split(' ');
            let next = end + 2;
            if (words[0] === 'MSG') {
                const size = Number(words.at(-1));
                if (this.#rest.length < next + size + 2) return;
                const text = this.#rest.subarray(next, next + size).toString('utf8');
                next += size + 2;
                let payload = text;
                try {
                    payload = JSON.parse(text);
                } catch { /* shown as it is */ }
                const message = { subject: words[1], payload };
                this.messages.push(message);
                this.#onMessage?.(message, this);
            } else if (words[0] === 'PING') {
                this.#write('PONG\r\n');
            } else if (words[0] === 'PONG') {
                this.#pongs++;
            } else if (words[0] === '-ERR') {
                this.errors.push(words.slice(1).join(' '));
            }
            this.#rest = this.#rest.subarray(next);
        }
    }
    // The bus has read all that was sent before.
    async flush() {
        const wanted = ++this.#pings;
        this.#write('PING\r\n');
        await waitUntil(() => this.#pongs >= wanted || this.closed, 'a PONG of the bus');
        if (this.closed) throw new Error(`the bus has closed the connection: ${this.errors.join()}`);
    }
    publish(subject, payload) {
        const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
        this.#write(Buffer.concat([Buffer.from(`PUB ${subject} ${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]));
    }
    async subscribe(subject) {
        this.#write(`SUB ${subject} ${++this.#subscriptions}\r\n`);
        await this.flush();
    }
    beat(worker, payload = {}) { this.publish(`system.${worker}.health`, payload); }
    of(subject) { return this.messages.filter((message) => message.subject === subject); }
    close() { this.#socket.destroy(); }
}
