// workers.mjs -- the roll call at 10,000 workers that all beat: reading it, against a server that only copies the same
// bytes, and what taking a beat costs.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { BusClient } from '../tests/lib/bus-client.mjs';
import { build } from '../tests/lib/node.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { atEnd, cpuSeconds, daemon, folder, median, row, serverCore, startNode, wrk } from './measure.mjs';

const workers = 10_000;
const names = Array.from({ length: workers }, (_, i) => `worker-${i}`);
const config = `workers = { ${names.map((name) => `"${name}"`).join(', ')} }\n`;

const list = async (node) => {
    const { status, json, bytes } = await node.get('/api/v1/workers');
    if (status !== 200) throw new Error(`GET /api/v1/workers: ${status}`);
    return { json, bytes };
};

// One round of beats of all of them.
function beatAll(bus, seq) {
    for (const name of names) bus.beat(name, { ts: Date.now() / 1000, instance: 'f00dfeedf00dfeed', seq, period_s: 30, uptime_s: 30 * seq, queue_depth: 3 });
    return bus.flush();
}

async function cpuPerBeat(node, bus) {
    const rounds = 10, before = cpuSeconds(node.pid);
    for (let seq = 1; seq <= rounds; seq++) await beatAll(bus, seq);
    await waitUntil(async () => (await list(node)).json.workers.at(-1).extra.seq === rounds, 'the last round');
    return ((cpuSeconds(node.pid) - before) / (rounds * workers)) * 1e6;
}

async function cpuPerRead(node) {
    const rates = [];
    for (let i = 0; i < 3; i++) {
        const before = cpuSeconds(node.pid);
        let reads = 0;
        for (; cpuSeconds(node.pid) - before < 0.5; reads++) await list(node);
        rates.push(((cpuSeconds(node.pid) - before) / reads) * 1000);
    }
    return median(rates);
}

async function bareServer(body) {
    const file = path.join(folder('response'), 'response');
    writeFileSync(file, Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`), body]));
    const child = daemon([...serverCore, path.join(build, 'bench/bare_epoll'), file], { stdio: ['ignore', 'pipe', 'ignore'] });
    const port = await new Promise((resolve) => child.stdout.once('data', (line) => resolve(Number(line))));
    return `http://127.0.0.1:${port}/`;
}

export default async function measure() {
    const node = await startNode({ config, env: { MUSTER_BUS_LISTEN: '127.0.0.1:0' } });
    const bus = await BusClient.open({ path: `${node.dir}/bus.sock` });
    atEnd(() => bus.close());
    await beatAll(bus, 0);
    await waitUntil(async () => (await list(node)).json.workers.every((w) => w.status === 'ok'), 'all to be ok', 60_000);
    row(`a heartbeat taken, ${workers} workers`, 'CPU us', await cpuPerBeat(node, bus), null, { ours: '<', value: 20 });
    const { bytes } = await list(node);
    row(`GET /api/v1/workers, ${workers} workers, ${bytes.length} bytes`, 'CPU ms', await cpuPerRead(node), null, { ours: '<', value: 10 });
    const bare = await bareServer(bytes);
    const ours = [], theirs = [];
    for (let i = 0; i < 3; i++) {
        ours.push(await wrk(`${node.url}/api/v1/workers`));
        theirs.push(await wrk(bare));
    }
    row(`GET /api/v1/workers, ${workers} workers, against a bare epoll server`, 'per s', median(ours), median(theirs), { ratio: '>=', value: 0.5 });
}
