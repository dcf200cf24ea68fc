// postgres.mjs -- a PostgreSQL of a test's own: Debian's, in a private folder, on a Unix socket there and no port.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { atEnd } from './cleanup.mjs';
import { waitUntil } from './wait.mjs';

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
        await this.ended;
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
