// footprint.mjs -- `muster up` with 20 idle agents: memory that is its own, CPU at rest, time until it serves.  Against
// prometheus with two exporters, and netdata.
import { existsSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Node } from '../tests/lib/node.mjs';
import { tree } from '../tests/lib/process.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { finish } from './jobs.mjs';
import { answers, atEnd, busyNanoseconds, daemon, folder, freePort, median, note, privateMiB, row } from './measure.mjs';

const agents = 20, restSeconds = 10, history = 2000;
const config = `max_concurrency = ${agents}
agent "bench" { }
agent "sleeper" {
    command = { "sleep", "100000" }
    output = "text"
    env_pass = { "PATH" }
}
`;

function commandIs(pid, name) {
    try {
        return path.basename(readlinkSync(`/proc/${pid}/exe`)) === name;
    } catch {
        return false;
    }
}

async function percentAtRest(pids) {
    const busy = () => pids.reduce((sum, pid) => sum + busyNanoseconds(pid), 0);
    const before = busy(), start = performance.now();
    await pause(restSeconds * 1000);
    return (busy() - before) / 1e4 / (performance.now() - start);
}

async function readyMs() {
    const times = [], cpu = [];
    for (let i = 0; i < 7; i++) {
        const node = new Node(folder('ready'), { args: ['up'], config });
        const start = performance.now();
        node.launch();
        while (!/\bready\b.*listen/.test(node.log)) {
            if (node.exited || performance.now() - start > 30_000) throw new Error(`muster up is not ready: ${node.log}`);
            await pause(1);
        }
        times.push(performance.now() - start);
        cpu.push([node.pid, ...tree(node.pid).map((s) => s.pid)].reduce((sum, pid) => sum + busyNanoseconds(pid) / 1e6, 0));
        await node.stop();
    }
    note(`CPU time until it serves: ${median(cpu).toFixed(1)} ms`);
    return times;
}

async function startUp() {
    const node = new Node(folder('up'), { args: ['up'], config });
    atEnd(() => node.stop().finally(() => node.destroy())); // killed, it would leave the node and the scheduler behind
    await node.start();
    for (let i = 0; i < agents; i++) await node.post('/api/v1/jobs', { agent: 'sleeper', prompt: 'sleep' });
    await allRun(node);
    return node;
}

const allRun = (node) => waitUntil(async () => (await node.get('/metrics')).json.agents.filter((a) => a.cpu_ticks !== null).length === agents, `${agents} agents`, 60_000);

// Its own processes and the shims, without the agents.
async function atRest(node) {
    const family = [...new Set([node.pid, ...tree(node.pid).map((s) => s.pid), ...node.runProcesses().map((s) => s.pid)])];
    const shims = family.filter((pid) => commandIs(pid, 'muster-shim'));
    const programs = family.filter((pid) => shims.includes(pid) || commandIs(pid, 'muster'));
    if (shims.length !== agents) throw new Error(`${shims.length} shims for ${agents} agents`);
    await pause(3000); // past its own start
    return { memory: privateMiB(programs), cpu: await percentAtRest(programs), shim: (privateMiB(shims) * 1024) / shims.length };
}

async function prometheus() {
    const dir = folder('prometheus');
    const [port, nodePort, processPort] = [await freePort(), await freePort(), await freePort()];
    writeFileSync(path.join(dir, 'prometheus.yml'), `global: { scrape_interval: 5s }
scrape_configs:
  - job_name: all
    static_configs: [{ targets: ['127.0.0.1:${nodePort}', '127.0.0.1:${processPort}'] }]
`);
    const all = [
        daemon(['prometheus-node-exporter', `--web.listen-address=127.0.0.1:${nodePort}`]),
        daemon(['prometheus-process-exporter', '-procnames', 'sleep', `-web.listen-address=127.0.0.1:${processPort}`]),
        daemon(['prometheus', `--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`, `--web.listen-address=127.0.0.1:${port}`]),
    ];
    for (const p of [nodePort, processPort]) await answers(p, '/metrics');
    await answers(port, '/-/ready');
    return all.map((child) => child.pid);
}

async function netdata() {
    if (!existsSync('/usr/sbin/netdata')) return null;
    const dir = folder('netdata'), port = await freePort();
    for (const sub of ['cache', 'lib', 'log']) mkdirSync(path.join(dir, sub));
    writeFileSync(path.join(dir, 'netdata.conf'), `[global]
    run as user = ${process.getuid() === 0 ? 'root' : process.env.USER}
[directories]
    cache = ${dir}/cache
    lib = ${dir}/lib
    log = ${dir}/log
[web]
    bind to = 127.0.0.1:${port}
`);
    const child = daemon(['/usr/sbin/netdata', '-D', '-c', path.join(dir, 'netdata.conf')]);
    await answers(port, '/api/v1/info');
    atEnd(() => tree(child.pid).forEach((s) => process.kill(s.pid, 'SIGKILL')));
    return [child.pid, ...tree(child.pid).map((s) => s.pid)];
}

export default async function measure() {
    row('muster up, until it serves', 'ms', await readyMs(), null, { ours: '<', value: 100 });
    const node = await startUp();
    await finish(node, history);
    await node.restart();
    await allRun(node);
    const few = await atRest(node);
    await finish(node, history * 9);
    await node.restart();
    await allRun(node);
    const many = await atRest(node);
    note(`one muster-shim: ${few.shim.toFixed(0)} KiB of private memory; ${agents} of them are counted below`);
    const peers = { 'prometheus + node-exporter + process-exporter': await prometheus(), netdata: await netdata() };
    await pause(5000); // past their own start
    for (const [name, pids] of Object.entries(peers)) {
        if (!pids) {
            note(`${name} is not installed`);
            continue;
        }
        row(`muster up, ${agents} agents, private memory of all processes, against ${name}`, 'MiB', few.memory, privateMiB(pids), { ours: '<', value: 16 });
        row(`muster up, ${agents} agents, CPU at rest, against ${name}`, '% of a core', few.cpu, await percentAtRest(pids), { ours: '<', value: 0.5 });
    }
    row(`muster up, private memory, ${history * 10} finished jobs behind it against ${history}`, 'MiB', many.memory, few.memory, { ratio: '<=', value: 1.1 });
}
