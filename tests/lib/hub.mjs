// hub.mjs -- the real `muster hub`, in a private folder, on a port that the kernel picked, and a hostile way to it.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atEnd } from './cleanup.mjs';
import { request } from './http.mjs';
import { binary, environmentFor, muster, temporaryFolder } from './node.mjs';
import { kill } from './process.mjs';
import { waitUntil } from './wait.mjs';

export class Hub {
    port = null;
    pid = null;
    exited = null;
    #readyBefore = 0;
    #options;

    // options: config (text inside hub { }), more (text of muster.conf), env, host (127.0.0.1 without), wrapper (argv put before)
    constructor(dir, options = {}) {
        this.dir = dir;
        this.#options = options;
        for (const sub of ['home', 'tmp', 'data']) mkdirSync(path.join(dir, sub), { recursive: true });
        this.configure(options.config ?? '', options.more ?? '');
    }
    get configPath() { return path.join(this.dir, 'hub.conf'); }
    get logPath() { return path.join(this.dir, 'hub.log'); }
    get storePath() { return path.join(this.dir, 'data', 'hub.db'); }
    get log() { return existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8') : ''; }
    get host() { return this.#options.host ?? '127.0.0.1'; }
    get url() { return `http://${this.host}:${this.port}`; }
    get target() { return { host: this.host, port: this.port }; }
    get running() { return this.pid !== null && this.exited === null; }

    configure(text, more = '') {
        writeFileSync(this.configPath, `data_dir = "${path.join(this.dir, 'data')}"\n${more}\nhub {\n  listen = "${this.host}:${this.#options.port ?? 0}"\n${text}\n}\n`);
    }
    async start() {
        this.#readyBefore = this.#readyLines().length;
        this.exited = null;
        const out = openSync(this.logPath, 'a');
        const argv = [...(this.#options.wrapper ?? []), binary, 'hub', '--config', this.configPath];
        const child = spawn(argv[0], argv.slice(1), { cwd: this.dir, env: environmentFor(this.dir, this.#options.env), stdio: ['ignore', out, out] });
        closeSync(out);
        child.on('exit', (code, signal) => (this.exited = { code, signal }));
        this.pid = child.pid;
        const ready = await waitUntil(() => {
            if (this.exited) throw new Error(`the hub ended: ${this.log}`);
            return this.#readyLines()[this.#readyBefore];
        }, 'the hub to be ready', 30_000);
        this.port = Number(ready[1]);
        this.#options.port = this.port; // a restart is at the same place
        this.configure(this.#options.config ?? '', this.#options.more ?? '');
        return this;
    }
    #readyLines() { return [...this.log.matchAll(/hub: ready listen=\S+:(\d+)/g)]; }
    request(method, path, body, headers) { return request({ ...this.target, agent: false }, method, path, body, headers); }
    get(path, headers) { return this.request('GET', path, undefined, headers); }
    post(path, body, headers) { return this.request('POST', path, body ?? {}, headers); }
    async enrol(body) {
        const answer = await this.post('/api/v1/instances', body);
        if (answer.status !== 201) throw new Error(`enrolment: ${answer.status} ${answer.text}`);
        return answer.json;
    }
    // A report as `bytes`, with the key of an enrolled instance.
    send(instance, bytes, headers = {}) {
        return this.request('POST', `/api/v1/instances/${instance.instance_id}/telemetry`, typeof bytes === 'string' || Buffer.isBuffer(bytes) ? bytes : JSON.stringify(bytes),
            { 'x-hub-api-key': instance.api_key, 'content-type': 'application/json', ...headers });
    }
    command(args, options = {}) { return muster([...args, '--config', this.configPath], { ...options }); }
    async crash() {
        kill(this.pid, 'SIGKILL');
        await waitUntil(() => this.exited, 'the hub to be gone', 30_000);
    }
    async stop() {
        if (!this.running) return;
        kill(this.pid, 'SIGTERM');
        await waitUntil(() => this.exited, 'the hub to end', 30_000);
        if (this.exited.code !== 0) throw new Error(`the hub ended with ${JSON.stringify(this.exited)}\n${this.log}`);
    }
}

export async function startHub(t, options = {}) {
    const hub = new Hub(options.dir ?? temporaryFolder(t, 'muster-hub-'), options);
    atEnd(t, async () => { if (hub.running) await hub.crash(); });
    return hub.start();
}

// A report's body as spec 80 H5 has it.
export function report(instanceId, startMs, endMs, more = {}) {
    const iso = (ms) => new Date(ms).toISOString().replace('Z', '+00:00');
    return {
        instance_id: instanceId, window_start: iso(startMs), window_end: iso(endMs), uptime_seconds: 86400,
        metrics: {
            agents: { online_count: 3, offline_count: 1, total_count: 5 },
            tasks: { by_status: { done: 10, failed: 2 }, by_type: { review: { count: 7, avg_duration_ms: 41250.5 } } },
            servers: { total_count: 2 },
        },
        ...more,
    };
}

// A server in front of the hub that does with each report what `decide(n)` says: 'pass', 'drop' (no answer, not handed on),
// 'lose' (handed on, the answer lost), 'twice', 'late', 'truncate', 'lie' (200, not handed on), 409, or a status with it not handed on.
export async function hostileWay(t, hub, decide) {
    const seen = [];
    const held = [];
    const pass = (incoming, body) => request({ ...hub.target, agent: false }, 'POST', incoming.url, body, pick(incoming.headers));
    const pick = (headers) => Object.fromEntries(['x-hub-api-key', 'content-type', 'content-encoding', 'user-agent'].filter((n) => headers[n]).map((n) => [n, headers[n]]));
    const server = http.createServer((incoming, outgoing) => {
        const parts = [];
        incoming.on('data', (part) => parts.push(part));
        incoming.on('error', () => {});
        incoming.on('end', async () => {
            const body = Buffer.concat(parts);
            const how = decide(seen.length);
            seen.push({ how, url: incoming.url, headers: incoming.headers, body });
            const answer = (r) => { outgoing.writeHead(r.status, { 'content-type': 'application/json', 'accept-encoding': 'gzip' }); outgoing.end(r.text); };
            try {
                if (how === 'drop') return incoming.socket.destroy();
                if (how === 'lose') { await pass(incoming, body); return incoming.socket.destroy(); }
                if (how === 'twice') { await pass(incoming, body); return answer(await pass(incoming, body)); }
                if (how === 'hold') { held.push([incoming, body]); return incoming.socket.destroy(); }
                if (how === 'truncate') {
                    const r = await pass(incoming, body);
                    outgoing.writeHead(200, { 'content-length': Buffer.byteLength(r.text) });
                    outgoing.write(r.text.slice(0, 20));
                    return setImmediate(() => incoming.socket.destroy());
                }
                if (how === 'lie') { outgoing.writeHead(200); return outgoing.end('{}'); }
                if (how === 409) { await pass(incoming, body); outgoing.writeHead(409); return outgoing.end('{}'); }
                if (typeof how === 'number') { outgoing.writeHead(how, how === 429 ? { 'retry-after': '0' } : {}); return outgoing.end('{}'); }
                while (held.length) await pass(...held.shift()); // what was held comes late, behind newer ones
                return answer(await pass(incoming, body));
            } catch {
                incoming.socket.destroy(); // the hub is away
            }
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(t, () => { server.closeAllConnections(); server.close(); });
    return { url: `http://127.0.0.1:${server.address().port}`, seen };
}
