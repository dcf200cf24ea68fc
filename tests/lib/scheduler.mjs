// scheduler.mjs -- the real `muster scheduler` against a target of the test's own, which counts what it is asked.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atEnd } from './cleanup.mjs';
import { binary, environmentFor, temporaryFolder } from './node.mjs';
import { waitUntil } from './wait.mjs';

// handle(request, response, record) answers what a job asks; without it, 200.  Reports of the scheduler are taken and kept.
export async function startTarget(t, handle) {
    const target = { fired: [], reports: [], taking: true };
    const server = http.createServer((request, response) => {
        let text = '';
        request.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => {
            const reply = (status, json, headers = {}) => {
                response.writeHead(status, { 'content-type': 'application/json', ...headers });
                response.end(JSON.stringify(json));
            };
            if (request.url === '/api/v1/schedules/report') {
                if (!target.taking) return reply(503, {});
                target.reports.push(JSON.parse(text));
                return reply(200, { accepted: 0 });
            }
            if (request.url.startsWith('/api/v1/schedules/commands')) {
                const held = setTimeout(() => reply(200, { after: 0, paused: [], run: [] }), 2000);
                return response.on('close', () => clearTimeout(held));
            }
            const record = { at: Date.now(), method: request.method, url: request.url, headers: request.headers, body: text,
                job: request.headers['x-muster-schedule'], key: request.headers['idempotency-key'] };
            if (record.job) target.fired.push(record);
            if (handle) handle(record, reply, request, response);
            else reply(200, {});
        });
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    atEnd(t, () => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
    });
    target.url = `http://127.0.0.1:${server.address().port}`;
    target.of = (job) => target.fired.filter((one) => one.job === job);
    // Every row of the ledger that was reported, the last word on each instant.
    target.rows = (job) => {
        const rows = new Map();
        for (const report of target.reports)
            for (const row of report.runs?.[job] ?? []) rows.set(row.due, row);
        return [...rows.values()].sort((a, b) => (a.due < b.due ? -1 : 1));
    };
    return target;
}

export class Scheduler {
    exited = null;
    #child = null;
    constructor(dir, url) {
        this.dir = dir;
        this.url = url;
        for (const sub of ['home', 'tmp', 'data']) mkdirSync(path.join(dir, sub), { recursive: true });
    }
    get configPath() { return path.join(this.dir, 'muster.conf'); }
    get logPath() { return path.join(this.dir, 'scheduler.log'); }
    get log() { return existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8') : ''; }
    get statePath() { return path.join(this.dir, 'data', 'scheduler', 'state.json'); }
    configure(jobs, scheduler = 'tick = "1s" builtin = false') {
        writeFileSync(this.configPath, `data_dir = "${this.dir}/data"\nsocket = "${this.dir}/node.sock"\nscheduler { node = "${this.url}" ${scheduler} }\n${jobs}\n`);
        return this;
    }
    launch(env = {}) {
        const log = openSync(this.logPath, 'a');
        this.exited = null;
        const child = spawn(binary, ['scheduler', '--config', this.configPath], { cwd: this.dir, env: environmentFor(this.dir, env), stdio: ['ignore', log, log] });
        closeSync(log);
        child.on('exit', (code, signal) => child === this.#child && (this.exited = { code, signal }));
        this.#child = child;
        return this;
    }
    async start(env) {
        const before = this.#ready();
        this.launch(env);
        await this.waitFor(() => this.#ready() > before, 'the scheduler to be ready');
        return this;
    }
    #ready() { return this.log.split('scheduler: ready').length; }
    waitFor(predicate, what, ms = 30_000) {
        return waitUntil(predicate, what, ms).catch((error) => {
            error.message += `\n--- log\n${this.log.slice(-4000)}`;
            throw error;
        });
    }
    signal(name) { return this.exited === null && this.#child?.kill(name); }
    async end(name = 'SIGTERM') {
        this.signal(name);
        await this.waitFor(() => this.#child === null || this.exited !== null, 'the scheduler to end');
        return this.exited;
    }
}

export function prepareScheduler(t, url) {
    const scheduler = new Scheduler(temporaryFolder(t), url);
    atEnd(t, () => scheduler.end('SIGKILL'));
    return scheduler;
}
