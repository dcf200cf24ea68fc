// measure.mjs -- figures as ratios: what, ours, peer, ratio, goal.  Two cores: what is measured runs on the first, what
// puts load on it on the second, and rounds of both sides alternate so that a noisy minute hits both.
import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Node, run } from '../tests/lib/node.mjs';
import { clockTicks, kill, privateBytes, stat } from '../tests/lib/process.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';

export const serverCore = ['taskset', '-c', '0'];
export const loadCore = ['taskset', '-c', '1'];
const undo = [];

export const atEnd = (fn) => undo.push(fn);
export async function cleanUp() {
    while (undo.length) await Promise.resolve().then(undo.pop()).catch((error) => console.error(`clean-up: ${error.message}`));
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => cleanUp().finally(() => process.exit(1)));

export function folder(name) {
    const dir = mkdtempSync(path.join(tmpdir(), `muster-bench-${name}-`));
    atEnd(() => rmSync(dir, { recursive: true, force: true }));
    return dir;
}

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
export const cpuSeconds = (pid) => {
    const s = stat(pid);
    return (s.utime + s.stime) / clockTicks;
};
export const reapedSeconds = (pid) => {
    const s = stat(pid);
    return (s.cutime + s.cstime) / clockTicks;
};
// To the nanosecond, of the threads that live: for what does next to nothing.
export const busyNanoseconds = (pid) => readdirSync(`/proc/${pid}/task`).reduce((sum, tid) =>
    sum + Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]), 0);
export const privateMiB = (processes) => processes.reduce((sum, pid) => sum + privateBytes(pid), 0) / 1048576;

// One figure of each side per round, in turns: what disturbs the machine disturbs both.
export async function alternate(rounds, ours, peer) {
    const figures = { ours: [], peer: [] };
    for (let i = 0; i < rounds; i++) {
        figures.ours.push(await ours());
        figures.peer.push(await peer());
    }
    return figures;
}

let missed = 0;
const text = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
const range = (values) => (values.length < 2 ? text(values[0]) : `${text(median(values))} [${text(Math.min(...values))} to ${text(Math.max(...values))}]`);
const ratios = (ours, peer) => (ours.length === peer.length ? ours.map((value, i) => value / peer[i]) : [median(ours) / median(peer)]);

export const spread = (ours, peer) => `${range(ours)} against ${range(peer)}, ${range(ratios(ours, peer))} x`;

// ours, peer: a figure, or one of each round (the median counts, of ratios that of each round's); peer may be null.
// goal: { ratio: '>=', value } is about ours / peer; { ours: '<', value } about our figure itself.
export function row(what, unit, ours, peer, goal) {
    const mine = [ours].flat(), theirs = peer === null ? null : [peer].flat();
    const ratio = theirs && ratios(mine, theirs);
    const [of, sign] = Object.entries(goal).find(([key]) => key !== 'value');
    const figure = median(of === 'ratio' ? ratio : mine);
    const met = sign === '>=' ? figure >= goal.value : sign === '<=' ? figure <= goal.value : figure < goal.value;
    if (!met) missed++;
    const aim = `${sign} ${goal.value}${of === 'ratio' ? ' x' : ` ${unit}`}`;
    console.log([`${what} (${unit})`, range(mine), theirs ? range(theirs) : '-', ratio ? `${range(ratio)} x` : '-', `${aim} ${met ? 'met' : 'MISSED'}`].join(', '));
}
export const missedGoals = () => missed;
export const note = (words) => console.log(`# ${words}`);

// A peer that runs until the end or until it is killed; its output is kept away.  One that ends otherwise ends the bench.
export function daemon(argv, options = {}) {
    const child = spawn(argv[0], argv.slice(1), { stdio: options.stdio ?? 'ignore', ...options });
    const ended = (why) => {
        console.error(`${argv.join(' ')}: ${why}`);
        cleanUp().finally(() => process.exit(1));
    };
    child.on('error', (error) => ended(error.message));
    child.on('exit', (code, signal) => signal === 'SIGKILL' || ended(`ended early, ${signal ?? `code ${code}`}`));
    atEnd(() => kill(child.pid, 'SIGKILL'));
    return child;
}

export const freePort = () => new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address();
        probe.close(() => resolve(port));
    });
});
export const answers = (port, where = '/') => waitUntil(async () => (await fetch(`http://127.0.0.1:${port}${where}`)).ok, `a peer on port ${port}`, 60_000);
export const accepts = (port) => waitUntil(() => new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
}), `a peer on port ${port}`, 60_000);

export async function startNode(options = {}) {
    const node = new Node(options.dir ?? folder('node'), { wrapper: serverCore, ...options });
    atEnd(() => node.destroy());
    return node.start();
}

export async function tool(argv, options = {}) {
    const result = await run(argv, { cwd: tmpdir(), env: process.env, ...options });
    if (result.code !== 0) throw new Error(`${argv.join(' ')}: ${result.stderr || result.stdout}`);
    return result.stdout;
}

async function wrkRequests(url, seconds) {
    const out = await tool([...loadCore, 'wrk', '-t1', '-c64', `-d${seconds}`, url]);
    if (/Non-2xx/.test(out)) throw new Error(out);
    return { requests: Number(out.match(/(\d+) requests in/)[1]), perSecond: Number(out.match(/Requests\/sec:\s+([\d.]+)/)[1]) };
}

export const wrk = async (url, seconds = 2) => (await wrkRequests(url, seconds)).perSecond;

// The same, and how many requests a second of the server's CPU time serves.
export async function wrkWithCpu(url, pid, seconds = 2) {
    const before = cpuSeconds(pid);
    const { requests, perSecond } = await wrkRequests(url, seconds);
    return { perSecond, perCpuSecond: requests / (cpuSeconds(pid) - before) };
}

// A server with all its fsyncs, on a Unix socket in `dir`; psql(sql) speaks to it.  It refuses to run as root; its package brings a user.
export async function startPostgres() {
    const version = readdirSync('/usr/lib/postgresql').sort((a, b) => a - b).at(-1);
    const bin = (name) => `/usr/lib/postgresql/${version}/bin/${name}`;
    const dir = folder('postgres');
    let as = [];
    if (process.getuid() === 0) {
        const [uid, gid] = (await tool(['getent', 'passwd', 'postgres'])).split(':').slice(2, 4).map(Number);
        chownSync(dir, uid, gid);
        as = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    }
    await tool([...as, bin('initdb'), '-D', path.join(dir, 'data'), '-A', 'trust', '-U', 'postgres'], { cwd: dir });
    const child = daemon([...serverCore, ...as, bin('postgres'), '-D', path.join(dir, 'data'), '-k', dir, '-c', 'listen_addresses='], { cwd: dir });
    await waitUntil(() => tool([bin('pg_isready'), '-h', dir]), 'PostgreSQL', 60_000);
    return { pid: child.pid, dir, psql: (sql) => tool([bin('psql'), '-q', '-h', dir, '-U', 'postgres', '-c', sql]) };
}
