// postgres.mjs -- a PostgreSQL of a test's own: Debian's, in a private folder, on a Unix socket there and no port.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { atEnd } from './cleanup.mjs';
import { waitUntil, withDeadline } from './wait.mjs';

const versions = '/usr/lib/postgresql';
const bin = path.join(versions, readdirSync(versions).sort((a, b) => b - a)[0], 'bin');
const isRoot = process.getuid() === 0; // which the server refuses to be
const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));

export class Postgres {
    dir = mkdtempSync('/tmp/muster-pg-'); // short: the path of a socket has 107 bytes
    #child = null;
    #identity = isRoot ? { uid: id('-u'), gid: id('-g') } : {};

    constructor() {
        chmodSync(this.dir, 0o755);
        if (isRoot) chownSync(this.dir, this.#identity.uid, this.#identity.gid);
        execFileSync(path.join(bin, 'initdb'), ['-D', this.#data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
            { stdio: 'pipe', cwd: this.dir, ...this.#identity });
    }
    get #data() { return path.join(this.dir, 'data'); }
    get log() { return readFileSync(path.join(this.dir, 'server.log'), 'utf8'); }
    #schemas = 0;
    // A new one, as what a URL ends with: two stores in one database don't see each other.
    schema() {
        const name = `s${this.#schemas++}`;
        this.query(`CREATE SCHEMA ${name}`);
        return { name, option: `&options=-csearch_path%3D${name}` };
    }
    url(more = '') { return `postgres://postgres@/postgres?host=${this.dir}${more}`; }

    // fsync is for power cuts, which no test makes; the pages of a killed server are the kernel's already.
    async start() {
        const log = openSync(path.join(this.dir, 'server.log'), 'a');
        this.#child = spawn(path.join(bin, 'postgres'), ['-D', this.#data, '-k', this.dir, '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'shared_buffers=32MB'],
            { stdio: ['ignore', log, log], cwd: this.dir, ...this.#identity });
        closeSync(log);
        const child = this.#child;
        this.ended = new Promise((resolve) => child.on('exit', resolve));
        await waitUntil(() => this.query('SELECT 1') === '1', 'PostgreSQL to answer', 30_000);
        return this;
    }
    // SIGINT is its fast shutdown, SIGQUIT its immediate one: nothing is finished, the next start recovers from the log.
    async stop(signal = 'SIGINT') {
        if (!this.#child) return;
        this.#child.kill(signal);
        await withDeadline(this.ended, 'PostgreSQL to end', 60_000);
        this.#child = null;
    }
    query(sql) {
        return execFileSync('psql', ['-X', '-q', '-A', '-t', '-h', this.dir, '-U', 'postgres', '-c', sql, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }).trim();
    }
    async destroy() {
        await this.stop();
        rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
    }
}

export async function startPostgres(t) {
    const server = new Postgres();
    atEnd(t, () => server.destroy());
    return server.start();
}

// A line to the server that can be cut at a COMMIT: 'before' the server has it, or 'after' it has done it and before the client hears.
// Only a transaction in which a statement with the text `of` has run is cut.  It reads the client's half of the protocol: a
// length and a body, behind a letter in all messages but the first; Parse names a statement, Bind runs it by its name.
export async function commitCutter(t, server, of) {
    const dir = mkdtempSync('/tmp/muster-pg-');
    const lines = new Set();
    let plan = null, open = true;
    const cut = () => {
        const { resolve, comesBack } = plan;
        plan = null;
        open = comesBack;
        for (const socket of lines) socket.destroy();
        resolve();
    };
    const listener = net.createServer((client) => {
        if (!open) return client.destroy();
        const upstream = net.connect(path.join(server.dir, '.s.PGSQL.5432'));
        let bytes = Buffer.alloc(0), started = false, commit = null, marked = false, answered = false;
        const marks = new Set();
        for (const socket of [client, upstream]) {
            lines.add(socket);
            socket.on('error', () => {});
            socket.on('close', () => { lines.delete(socket); client.destroy(); upstream.destroy(); });
        }
        const take = (message) => { // false: this one stays here, with the line
            const letter = String.fromCharCode(message[0]);
            const texts = message.subarray(5).toString('latin1').split('\0');
            if (letter === 'P' && texts[1] === 'COMMIT') commit = texts[0];
            if (letter === 'P' && texts[1].includes(of)) marks.add(texts[0]);
            if (letter !== 'B') return true;
            if (marks.has(texts[1])) marked = true;
            if (texts[1] !== commit) return true;
            const meant = marked && plan;
            marked = false;
            if (meant && plan.when === 'before') return false;
            answered = Boolean(meant);
            return true;
        };
        client.on('data', (data) => {
            bytes = Buffer.concat([bytes, data]);
            for (;;) {
                const head = started ? 1 : 0;
                if (bytes.length < head + 4) return;
                const size = head + bytes.readInt32BE(head);
                if (bytes.length < size) return;
                const message = bytes.subarray(0, size);
                if (started && !take(message)) return cut();
                started = true;
                upstream.write(message);
                bytes = bytes.subarray(size);
            }
        });
        upstream.on('data', (data) => {
            if (!answered || !plan) return client.write(data);
            if (data.includes('COMMIT\0')) cut(); // CommandComplete
        });
    });
    await new Promise((resolve) => listener.listen(path.join(dir, '.s.PGSQL.5432'), resolve));
    atEnd(t, () => { for (const socket of lines) socket.destroy(); listener.close(); rmSync(dir, { recursive: true, force: true }); });
    return {
        url: (more = '') => `postgres://postgres@/postgres?host=${dir}${more}`,
        // Fulfilled once it is cut.
        cutNext: (when, { comesBack = true } = {}) => new Promise((resolve) => (plan = { when, comesBack, resolve })),
        open: () => (open = true),
    };
}
