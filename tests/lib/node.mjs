// node.mjs -- the real `muster serve`, in a private folder, on a port that the kernel picked.
//
// Its log goes to a file, not a pipe: the processes it leaves behind may hold it open as long as they like.  Whatever was
// started here is ended when the test ends, even one that throws: the node, its shims and everything that carries the
// mark of one of its runs, each by its own pid.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd } from './cleanup.mjs';
import { EventStream, RawConnection, request, sendRaw } from './http.mjs';
import { all, alive, commandLine, environment, kill, stat } from './process.mjs';
import { waitUntil } from './wait.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const build = path.resolve(root, process.env.MUSTER_BUILD ?? 'build');
export const binary = path.join(build, 'muster');
export const shimBinary = path.join(build, 'muster-shim');

const keptEnvironment = ['PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS', 'TZ'];

// A folder that is removed when the test ends; MUSTER_TEST_KEEP=1 keeps it.
export function temporaryFolder(t, name = 'muster-test-') {
    const dir = mkdtempSync(path.join(tmpdir(), name));
    atEnd(t, () => process.env.MUSTER_TEST_KEEP || rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
    return dir;
}

export function environmentFor(dir, more = {}) {
    const kept = Object.fromEntries(keptEnvironment.filter((name) => process.env[name] !== undefined).map((name) => [name, process.env[name]]));
    // Unless a test says otherwise, a node's bus takes a port that the kernel picks, and the node looks for no agents of others:
    // many nodes run at once, and the agents of one test are no business of another's.
    return { ...kept, MUSTER_BUS_LISTEN: '127.0.0.1:0', MUSTER_FLEET_DISCOVER: 'false', LANG: 'C.UTF-8', HOME: path.join(dir, 'home'), TMPDIR: path.join(dir, 'tmp'), ...more };
}

// For the environment of a node that is to find agents which it did not start; those of other tests are among them.
export const discovering = { MUSTER_FLEET_DISCOVER: undefined };

// The runner may end a test file before its hooks ran.
const started = new Set();
process.on('exit', () => {
    for (const node of started) node.kill('SIGKILL');
});

export class Node {
    dir;
    port = null;
    busPort = null; // of the embedded bus
    pid = null;
    startTicks = null;
    exited = null; // { code, signal } once it ended
    #options;
    #child = null;
    #agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    #readyBefore = 0;

    // options: config (more text for muster.conf), listen, env, args, dir (an existing folder), wrapper (argv put before)
    constructor(dir, options = {}) {
        this.dir = dir;
        this.#options = options;
        for (const sub of ['home', 'tmp', 'data']) mkdirSync(path.join(dir, sub), { recursive: true });
        this.configure(options.config ?? '');
    }
    get configPath() { return path.join(this.dir, 'muster.conf'); }
    get dataDir() { return path.join(this.dir, 'data'); }
    get storePath() { return path.join(this.dataDir, 'muster.db'); }
    get socket() { return path.join(this.dir, 'node.sock'); }
    get url() { return `http://127.0.0.1:${this.port}`; }
    get target() { return { host: '127.0.0.1', port: this.port }; }
    get log() { return existsSync(this.#logPath) ? readFileSync(this.#logPath, 'utf8') : ''; }
    get lines() { return this.log.split('\n').slice(0, -1); }
    get running() { return this.pid !== null && this.exited === null; }
    get #logPath() { return path.join(this.dir, 'node.log'); }

    // Writes muster.conf: what every test has, then `text`.
    configure(text) {
        const listen = this.#options.listen ?? '127.0.0.1:0';
        writeFileSync(this.configPath,
            `listen = "${listen}"\nsocket = "${this.socket}"\ndata_dir = "${this.dataDir}"\n${text}\n`);
    }
    // Starts the program without waiting for anything.
    launch(more = {}) {
        const options = { ...this.#options, ...more };
        const argv = [...(options.wrapper ?? []), binary, ...(options.args ?? ['serve']), '--config', this.configPath];
        const log = openSync(this.#logPath, 'a');
        this.#readyBefore = this.#readyLines().length;
        this.exited = null;
        this.#child = spawn(argv[0], argv.slice(1), { cwd: this.dir, env: environmentFor(this.dir, options.env), stdio: ['ignore', log, log] });
        closeSync(log);
        const child = this.#child;
        started.add(this);
        child.on('error', (error) => (this.exited = { code: null, signal: null, error }));
        child.on('exit', (code, signal) => (this.exited = { code, signal }));
        this.pid = child.pid ?? null;
        this.startTicks = this.pid ? (stat(this.pid)?.startTicks ?? null) : null;
        return this;
    }
    #readyLines() {
        return [...this.log.matchAll(/\bready"?,? ?[^\n]*?"?\blisten"?[=:]"?([^\s"]+):(\d+)[^\n]*/g)];
    }
    async start(more) {
        this.launch(more);
        const ready = await waitUntil(() => {
            if (this.exited) return { failed: true };
            return this.#readyLines()[this.#readyBefore];
        }, 'the line "ready" in the log', 30_000).catch((error) => { throw this.#explain(error); });
        if (ready.failed) throw this.#explain(new Error(`the node ended before it was ready: ${JSON.stringify(this.exited)}`));
        this.port = Number(ready[2]);
        this.busPort = Number(ready[0].match(/\bbus"?[=:]"?[^\s"]*:(\d+)/)?.[1]) || null;
        return this;
    }
    #explain(error) {
        error.message += `\n--- end of the node's log (${this.#logPath})\n${this.lines.slice(-40).join('\n')}`;
        return error;
    }
    request(method, path, body, headers) {
        return request({ ...this.target, agent: this.#agent }, method, path, body, headers);
    }
    get(path, headers) { return this.request('GET', path, undefined, headers); }
    post(path, body, headers) { return this.request('POST', path, body ?? {}, headers); }
    // The same over the Unix socket, which knows its caller.
    socketRequest(method, path, body, headers) {
        return request({ socketPath: this.socket, agent: false }, method, path, body, headers);
    }
    sendRaw(bytes, ms) { return sendRaw(this.target, bytes, ms); }
    openRaw() { return RawConnection.open(this.target); }
    events(path = '/api/v1/events', headers = {}) { return EventStream.open(this.target, path, headers); }

    // Waits for predicate(node) and shows the log where it never holds.
    waitFor(predicate, what, ms) {
        return waitUntil(() => predicate(this), what, ms).catch((error) => { throw this.#explain(error); });
    }
    waitLog(pattern, ms) {
        return this.waitFor(() => this.lines.find((line) => (typeof pattern === 'string' ? line.includes(pattern) : pattern.test(line))), `a log line like ${pattern}`, ms);
    }
    kill(signal = 'SIGKILL') {
        return this.running && kill(this.pid, signal);
    }
    async waitExit(ms = 30_000) {
        await this.waitFor(() => this.exited !== null, 'the node to end', ms);
        this.#agent.destroy();
        this.#agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
        return this.exited;
    }
    // An orderly end: SIGTERM and exit code 0, anything else is a failure of the test.
    async stop() {
        if (!this.running) return this.exited;
        this.kill('SIGTERM');
        const { code, signal } = await this.waitExit();
        if (code !== 0) throw this.#explain(new Error(`after SIGTERM the node ended with code ${code}, signal ${signal}`));
        return this.exited;
    }
    async crash() {
        this.kill('SIGKILL');
        return this.waitExit();
    }
    async restart(more) {
        await this.stop();
        return this.start(more);
    }
    runKeys() {
        const runs = path.join(this.dataDir, 'runs');
        return existsSync(runs) ? readdirSync(runs).filter((name) => /^[0-9a-f]{32}$/.test(name)) : [];
    }
    // Processes that belong to this node's runs: shims, also those that have only just been spawned, and whatever carries
    // the mark of a run.
    runProcesses() {
        const keys = new Set(this.runKeys());
        const shims = new Set();
        for (const key of keys) {
            const file = path.join(this.dataDir, 'runs', key, 'shim');
            const [pid, ticks] = existsSync(file) ? readFileSync(file, 'utf8').split(' ').map(Number) : [];
            if (pid && alive(pid, ticks)) shims.add(pid);
        }
        const runs = path.join(this.dataDir, 'runs') + path.sep;
        return all().filter((s) => shims.has(s.pid) || keys.has(environment(s.pid).MUSTER_RUN) || commandLine(s.pid)[1]?.startsWith(runs));
    }
    // Of the runs whose shims were killed and that no node came to book.
    removeCgroups() {
        const left = this.runKeys().map((key) => path.join(this.dataDir, 'runs', key, 'agent')).filter(existsSync)
            .map((file) => readFileSync(file, 'utf8').trim().split(' ')[4]).filter((dir) => dir?.startsWith('/') && existsSync(dir));
        return waitUntil(() => left.every((dir) => {
            if (existsSync(dir)) rmdirSync(dir);
            return true;
        }), 'the cgroups of this node\'s runs to be gone');
    }
    async destroy() {
        this.kill('SIGKILL');
        if (this.running) await this.waitExit();
        this.#agent.destroy();
        let quiet = 0; // looks in a row that found nobody: a shim may have been between its spawn and its exec
        await waitUntil(() => {
            const left = this.runProcesses();
            for (const s of left) kill(s.pid);
            quiet = left.length === 0 ? quiet + 1 : 0;
            return quiet === 3;
        }, 'the processes of this node\'s runs to be gone');
        await this.removeCgroups();
    }
}

// The usual way: a node that is ready, and gone when the test ends.
export async function startNode(t, options = {}) {
    const node = prepareNode(t, options);
    return node.start();
}

// The same, not started yet.
export function prepareNode(t, options = {}) {
    const dir = options.dir ?? temporaryFolder(t);
    const node = new Node(dir, options);
    atEnd(t, () => node.destroy());
    return node;
}

// Runs the program with other arguments: { code, signal, stdout, stderr }.  With a node, against that node.
export function muster(args, { node, env = {}, input, cwd } = {}) {
    const dir = node?.dir ?? tmpdir();
    const more = node ? { MUSTER_CONFIG: node.configPath, ...env } : env;
    return run([binary, ...args], { cwd: cwd ?? dir, env: environmentFor(dir, more), input });
}

export function run(argv, { cwd, env, input } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
        let stdout = '', stderr = '';
        child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
        child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
        if (input !== undefined) child.stdin.end(input);
    });
}
