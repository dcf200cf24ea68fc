// metrics.mjs -- GET /metrics with 1,000 running agents: fresh against prometheus-process-exporter over the same
// processes, unchanged against a server that only copies the same bytes.
import { symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RawConnection } from '../tests/lib/http.mjs';
import { build } from '../tests/lib/node.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { finish } from './jobs.mjs';
import { alternate, answers, cpuSeconds, daemon, folder, freePort, note, row, serverCore, spread, startNode, wrkWithCpu } from './measure.mjs';

const agents = 1000, rounds = 5, history = 2000;
const name = 'bench-sleeper'; // one that nobody else on the machine has
const config = (freshness, program) => `max_concurrency = ${agents}
metrics { freshness = "${freshness}" }
agent "bench" { }
agent "sleeper" {
    command = { "${program}", "100000" }
    output = "text"
}
`;

function sleeper() {
    const program = path.join(folder('sleeper'), name);
    symlinkSync('/bin/sleep', program);
    return program;
}

async function startAgents(node) {
    const post = async () => {
        const { status, text } = await node.post('/api/v1/jobs', { agent: 'sleeper' });
        if (status !== 201) throw new Error(text);
    };
    for (let i = 0; i < agents; i += 50) await Promise.all(Array.from({ length: 50 }, post));
    await allRunning(node);
}

const allRunning = (node) => waitUntil(async () => {
    const { json } = await node.get('/metrics');
    return json.agents.filter((agent) => agent.cpu_ticks !== null).length === agents;
}, `${agents} agents with known CPU time`, 180_000);

// Requests per second of the server's CPU time, over enough of it for the kernel's ticks of 10 ms to tell.
async function perCpuSecond(pid, get, atLeast = 1) {
    const before = cpuSeconds(pid);
    let requests = 0;
    for (; cpuSeconds(pid) - before < atLeast; requests++) await get();
    return requests / (cpuSeconds(pid) - before);
}

// At its cheapest: no threads, no smaps, one group.
async function startExporter() {
    const port = await freePort();
    const child = daemon([...serverCore, 'prometheus-process-exporter', '-procnames', name, '-threads=false', '-gather-smaps=false', `-web.listen-address=127.0.0.1:${port}`]);
    await answers(port, '/metrics');
    const scrape = async () => {
        const body = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        if (!body.includes(`namedprocess_namegroup_num_procs{groupname="${name}"} ${agents}`)) throw new Error('the exporter does not see the processes');
    };
    await scrape();
    return { child, perCpuSecond: () => perCpuSecond(child.pid, scrape) };
}

async function wholeAnswer(node) {
    const raw = await RawConnection.open(node.target);
    raw.write(`GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:${node.port}\r\n\r\n`);
    const whole = await waitUntil(() => {
        const end = raw.text.indexOf('\r\n\r\n');
        const length = Number(raw.text.match(/content-length: (\d+)/i)?.[1]);
        return end > 0 && raw.text.length >= end + 4 + length && raw.text;
    }, 'a whole answer');
    raw.destroy();
    return whole;
}

async function startBareServer(node) {
    const file = path.join(folder('response'), 'response'), whole = await wholeAnswer(node);
    writeFileSync(file, whole, 'latin1');
    const child = daemon([...serverCore, path.join(build, 'bench/bare_epoll'), file], { stdio: ['ignore', 'pipe', 'ignore'] });
    const port = await new Promise((resolve) => child.stdout.once('data', (line) => resolve(Number(line))));
    return { child, url: `http://127.0.0.1:${port}/metrics`, bytes: whole.length };
}

async function unchanged(node, what) {
    const bare = await startBareServer(node);
    const { ours, peer } = await alternate(rounds, () => wrkWithCpu(`${node.url}/metrics`, node.pid), () => wrkWithCpu(bare.url, bare.child.pid));
    bare.child.kill('SIGKILL');
    const of = (key) => [ours.map((o) => o[key]), peer.map((p) => p[key])];
    row(`/metrics unchanged, ${what}, ${bare.bytes} bytes, against a bare epoll server`, 'per s', ...of('perSecond'), { ratio: '>=', value: 0.9 });
    note(`the same, ${what}, requests per second of the server's CPU time: ${spread(...of('perCpuSecond'))}`);
}

async function fresh(node, exporter, what) {
    const { ours, peer } = await alternate(rounds, () => perCpuSecond(node.pid, () => node.get('/metrics')), exporter.perCpuSecond);
    row(`/metrics fresh, ${agents} running agents${what}, against prometheus-process-exporter`, 'per CPU s', ours, peer, { ratio: '>=', value: 20 });
    return ours;
}

export default async function measure() {
    const program = sleeper();
    const node = await startNode({ config: config('1s', program) });
    await unchanged(node, 'no agents');
    await startAgents(node);
    await unchanged(node, `${agents} agents`);
    node.configure(config('0s', program));
    await node.restart(); // the agents go on
    await allRunning(node);
    const exporter = await startExporter();
    await finish(node, history);
    const few = await fresh(node, exporter, `, ${history} finished jobs`);
    await finish(node, history * 9);
    const many = await fresh(node, exporter, `, ${history * 10} finished jobs`);
    row(`/metrics fresh, ${history * 10} finished jobs behind it against ${history}`, 'per CPU s', many, few, { ratio: '>=', value: 0.9 });
}
