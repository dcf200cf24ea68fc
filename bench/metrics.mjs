// metrics.mjs -- GET /metrics with 1,000 running agents: fresh against prometheus-process-exporter, unchanged against a
// server that only copies the same bytes.
import { symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RawConnection } from '../tests/lib/http.mjs';
import { build } from '../tests/lib/node.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { load } from './jobs.mjs';
import { answers, cpuSeconds, daemon, folder, freePort, median, row, serverCore, startNode, wrk } from './measure.mjs';

const agents = 1000;
const config = (freshness) => `max_concurrency = ${agents}
metrics { freshness = "${freshness}" }
agent "bench" { }
agent "sleeper" {
    command = { "sleep", "100000" }
    output = "text"
    env_pass = { "PATH" }
}
`;

async function withAgents(node, count) {
    for (let i = 0; i < count; i++) {
        const { status, text } = await node.post('/api/v1/jobs', { agent: 'sleeper', prompt: 'sleep' });
        if (status !== 201) throw new Error(text);
    }
    await allRunning(node, count);
}

const allRunning = (node, count) => waitUntil(async () => {
    const { json } = await node.get('/metrics');
    return json.agents.filter((agent) => agent.cpu_ticks !== null).length === count;
}, `${count} agents with known CPU time`, 120_000);

// Requests per second of the server's CPU time, over enough requests for the kernel's 10 ms ticks to tell.
async function perCpuSecond(pid, get, atLeast = 1.5) {
    await get();
    const before = cpuSeconds(pid);
    let requests = 0;
    while (cpuSeconds(pid) - before < atLeast) {
        await get();
        requests++;
    }
    return requests / (cpuSeconds(pid) - before);
}

// At its cheapest: no threads, no smaps, and 1,000 processes without anything beside them.
async function exporter() {
    const port = await freePort();
    const name = 'bench-sleeper', program = path.join(folder('sleeper'), name); // a name that nobody else on the machine has
    symlinkSync('/bin/sleep', program);
    const sleepers = Array.from({ length: agents }, () => daemon([program, '100000']));
    const child = daemon([...serverCore, 'prometheus-process-exporter', '-procnames', name, '-threads=false', '-gather-smaps=false', `-web.listen-address=127.0.0.1:${port}`]);
    await answers(port, '/metrics');
    const rates = [];
    for (let i = 0; i < 3; i++) {
        rates.push(await perCpuSecond(child.pid, async () => {
            const body = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
            if (!body.includes(`namedprocess_namegroup_num_procs{groupname="${name}"} ${agents}`)) throw new Error('the exporter does not see the processes');
        }));
    }
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
    child.kill('SIGKILL');
    return median(rates);
}

async function fresh(node) {
    const rates = [];
    for (let i = 0; i < 3; i++) rates.push(await perCpuSecond(node.pid, () => node.get('/metrics')));
    return median(rates);
}

async function bareServer(node) {
    const raw = await RawConnection.open(node.target);
    raw.write(`GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:${node.port}\r\n\r\n`);
    const whole = await waitUntil(() => {
        const end = raw.text.indexOf('\r\n\r\n');
        const length = Number(raw.text.match(/content-length: (\d+)/i)?.[1]);
        return end > 0 && raw.text.length >= end + 4 + length && raw.text;
    }, 'a whole answer');
    raw.destroy();
    const file = path.join(folder('response'), 'response');
    writeFileSync(file, whole, 'latin1');
    const child = daemon([...serverCore, path.join(build, 'bench/bare_epoll'), file], { stdio: ['ignore', 'pipe', 'ignore'] });
    const port = await new Promise((resolve) => child.stdout.once('data', (line) => resolve(Number(line))));
    return { child, url: `http://127.0.0.1:${port}/metrics`, bytes: whole.length };
}

async function unchanged(node, what) {
    const bare = await bareServer(node);
    const ours = [], theirs = [];
    for (let i = 0; i < 5; i++) {
        ours.push(await wrk(`${node.url}/metrics`));
        theirs.push(await wrk(bare.url));
    }
    bare.child.kill('SIGKILL');
    row(`/metrics unchanged, ${what}, ${bare.bytes} bytes, against a bare epoll server`, 'per s', median(ours), median(theirs), { ratio: '>=', value: 0.9 });
}

export default async function measure() {
    const peer = await exporter();
    const node = await startNode({ config: config('1s') });
    await unchanged(node, 'no agents');
    await withAgents(node, agents);
    await unchanged(node, `${agents} agents`);
    node.configure(config('0s'));
    await node.restart(); // the agents go on
    await allRunning(node, agents);
    const rate = await fresh(node);
    row(`/metrics fresh, ${agents} running agents, against prometheus-process-exporter`, 'per CPU s', rate, peer, { ratio: '>=', value: 20 });
    const small = 3000;
    await load('http', node.port, small);
    const few = await fresh(node);
    await load('http', node.port, small * 9);
    row(`/metrics fresh, ${small * 10} finished jobs behind it against ${small}`, 'per CPU s', await fresh(node), few, { ratio: '>=', value: 0.9 });
}
