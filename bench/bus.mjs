// bus.mjs -- the bus against nats-server: throughput and CPU of the server per message, with the same clients in the same
// run, and the memory of idle connections.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { build } from '../tests/lib/node.mjs';
import { privateBytes } from '../tests/lib/process.mjs';
import { accepts, atEnd, cpuSeconds, daemon, freePort, loadCore, median, note, row, serverCore, startNode, tool } from './measure.mjs';

const program = path.join(build, 'bench/load_bus');
const rounds = 3, payload = 128;
// client, publishers, subscribers, messages, other subscriptions
const loads = [
    ['libnats', 1, 1, 640_000, 0],
    ['libnats', 1, 10, 128_000, 0],
    ['libnats', 16, 1, 640_000, 0],
    ['libnats', 1, 1, 640_000, 1000],
    ['raw', 1, 1, 2_000_000, 0],
    ['raw', 1, 10, 400_000, 0],
    ['raw', 16, 1, 2_000_000, 0],
    ['raw', 1, 1, 2_000_000, 1000],
    ['raw', 1, 1, 2_000_000, 5000],
];

async function startNats() {
    const port = await freePort();
    const child = daemon([...serverCore, 'nats-server', '-a', '127.0.0.1', '-p', String(port)], { env: { ...process.env, GOMAXPROCS: '1' } });
    await accepts(port);
    return { port, pid: child.pid };
}

async function startBus() {
    const port = await freePort();
    const node = await startNode({ env: { MUSTER_BUS_LISTEN: `127.0.0.1:${port}` } });
    return { port, pid: node.pid };
}

async function measured(server, [client, publishers, subscribers, messages, others]) {
    const before = cpuSeconds(server.pid);
    const out = JSON.parse(await tool([...loadCore, program, client, ...[server.port, publishers, subscribers, messages, payload, others].map(String)]));
    return { rate: out.per_second, cpu: ((cpuSeconds(server.pid) - before) * 1e6) / messages };
}

async function compare(ours, theirs, load) {
    const [client, publishers, subscribers, , others] = load;
    const seen = [[], []];
    for (let i = 0; i < rounds; i++) {
        seen[0].push(await measured(ours, load));
        seen[1].push(await measured(theirs, load));
    }
    const middle = (runs, figure) => median(runs.map((r) => r[figure]));
    const what = `bus, ${client}, ${publishers} to ${subscribers}, ${payload} B${others ? `, ${others} other subscriptions` : ''}, against nats-server`;
    row(`${what}, CPU per message`, 'us', middle(seen[0], 'cpu'), middle(seen[1], 'cpu'), { ratio: '<=', value: 0.334 });
    row(what, 'per s', middle(seen[0], 'rate'), middle(seen[1], 'rate'), { ratio: '>=', value: 1 });
    return middle(seen[0], 'cpu');
}

async function idle(server, connections) {
    const child = spawn(loadCore[0], [...loadCore.slice(1), program, 'idle', String(server.port), String(connections)], { stdio: ['pipe', 'pipe', 'inherit'] });
    atEnd(() => child.kill('SIGKILL'));
    await new Promise((resolve, reject) => {
        child.stdout.once('data', resolve);
        child.once('exit', () => reject(new Error('the idle connections did not come about')));
    });
    const mib = privateBytes(server.pid) / 1048576;
    child.stdin.end();
    return mib;
}

export default async function measure() {
    const [freshOurs, freshTheirs] = [await startBus(), await startNats()];
    const bare = privateBytes(freshOurs.pid) / 1048576;
    const memory = await idle(freshOurs, 1000);
    note(`bus: a node without a connection has ${bare.toFixed(1)} MiB of private memory, 1,000 idle ones add ${(memory - bare).toFixed(1)}`);
    row('bus, 1,000 idle connections with a subscription each, private memory of the whole server', 'MiB', memory, await idle(freshTheirs, 1000), { ratio: '<=', value: 0.25 });
    const cpu = [];
    for (const load of loads) cpu.push(await compare(freshOurs, freshTheirs, load));
    row('bus, raw, 1 to 1, CPU per message with 5,000 other subscriptions against none', 'us', cpu[8], cpu[4], { ratio: '<=', value: 1.1 });
}
