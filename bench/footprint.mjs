// footprint.mjs -- `muster up` with 20 idle agents: memory that is its own, CPU at rest, time until it serves.  Against
// prometheus with two exporters, and netdata.
import { existsSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Node } from '../tests/lib/node.mjs';
import { tree } from '../tests/lib/process.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { answers, atEnd, cpuSeconds, daemon, folder, freePort, median, note, privateMiB, row } from './measure.mjs';

const agents = 20, restSeconds = 10;
const config = `max_concurrency = ${agents}
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
    const before = pids.map(cpuSeconds);
    await pause(restSeconds * 1000);
    const used = pids.map((pid, i) => cpuSeconds(pid) - before[i]).reduce((a, b) => a + b);
    return (100 * used) / restSeconds;
}

async function readyMs() {
    const times = [];
    for (let i = 0; i < 7; i++) {
        const node = new Node(folder('ready'), { args: ['up'], config });
        const start = performance.now();
        node.launch();
        while (!node.log.includes('"ready"')) await pause(1);
        times.push(performance.now() - start);
        await node.destroy();
    }
    return median(times);
}

async function ours() {
    const node = new Node(folder('up'), { args: ['up'], config });
    atEnd(() => node.destroy());
    await node.start();
    for (let i = 0; i < agents; i++) await node.post('/api/v1/jobs', { agent: 'sleeper', prompt: 'sleep' });
    await waitUntil(async () => (await node.get('/metrics')).json.agents.filter((a) => a.cpu_ticks !== null).length === agents, `${agents} agents`, 60_000);
    const family = [node.pid, ...tree(node.pid).map((s) => s.pid), ...node.runProcesses().map((s) => s.pid)];
    return [...new Set(family)];
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
    const family = await ours();
    const shims = family.filter((pid) => commandIs(pid, 'muster-shim'));
    const programs = family.filter((pid) => shims.includes(pid) || commandIs(pid, 'muster'));
    note(`one muster-shim: ${(privateMiB(shims) * 1024 / shims.length).toFixed(0)} KiB of private memory, ${shims.length} of them counted below`);
    const memory = privateMiB(programs), cpu = await percentAtRest(programs);
    const peers = { 'prometheus + node-exporter + process-exporter': await prometheus(), netdata: await netdata() };
    for (const [name, pids] of Object.entries(peers)) {
        if (!pids) {
            note(`${name} is not installed`);
            continue;
        }
        await pause(5000); // past its own start
        row(`muster up, ${agents} agents, private memory of all processes, against ${name}`, 'MiB', memory, privateMiB(pids), { ours: '<', value: 16 });
        row(`muster up, ${agents} agents, CPU at rest, against ${name}`, '% of a core', cpu, await percentAtRest(pids), { ours: '<', value: 0.5 });
    }
}
