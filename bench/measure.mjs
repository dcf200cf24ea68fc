// measure.mjs -- figures as ratios: what, ours, peer, ratio, goal.  Two cores: what is measured runs on the first, what
// puts load on it on the second, and rounds of both sides alternate so that a noisy minute hits both.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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
    while (undo.length) await Promise.resolve(undo.pop()()).catch((error) => console.error(`clean-up: ${error.message}`));
}

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
export const privateMiB = (processes) => processes.reduce((sum, pid) => sum + privateBytes(pid), 0) / 1048576;

let missed = 0;
const text = (value) => (value === null ? '-' : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

// goal: { ratio: '>=', value } compares ours / peer; { ours: '<', value } compares our figure itself.
export function row(what, unit, ours, peer, goal) {
    const ratio = peer === null ? null : ours / peer;
    const [of, sign] = Object.entries(goal).find(([key]) => key !== 'value');
    const figure = of === 'ratio' ? ratio : ours;
    const met = sign === '>=' ? figure >= goal.value : sign === '<=' ? figure <= goal.value : figure < goal.value;
    if (!met) missed++;
    const aim = `${sign} ${goal.value}${of === 'ratio' ? ' x' : ` ${unit}`}`;
    console.log([`${what} (${unit})`, text(ours), text(peer), ratio === null ? '-' : `${text(ratio)} x`, `${aim} ${met ? 'met' : 'MISSED'}`].join(', '));
}
export const missedGoals = () => missed;
export const note = (words) => console.log(`# ${words}`);

// A peer that runs until the end; its output is kept away.
export function daemon(argv, options = {}) {
    const child = spawn(argv[0], argv.slice(1), { stdio: options.stdio ?? 'ignore', ...options });
    child.on('error', (error) => console.error(`${argv[0]}: ${error.message}`));
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

export async function wrk(url, seconds = 4) {
    const out = await tool([...loadCore, 'wrk', '-t1', '-c64', `-d${seconds}`, url]);
    if (/Non-2xx/.test(out)) throw new Error(out);
    return Number(out.match(/Requests\/sec:\s+([\d.]+)/)[1]);
}
