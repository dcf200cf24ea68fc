// jobs.mjs -- durable enqueue, claim and complete, 16 clients: against beanstalkd with a write-ahead log that is synced on
// every write, and pg-boss on PostgreSQL as it comes.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../tests/lib/node.mjs';
import { tree } from '../tests/lib/process.mjs';
import { accepts, alternate, cpuSeconds, daemon, folder, freePort, loadCore, note, reapedSeconds, row, serverCore, spread, startNode, startPostgres, tool } from './measure.mjs';

const clients = 16, rounds = 5, jobs = 1500, history = 2000;
const config = 'max_concurrency = 4\nagent "bench" { }\n';

export async function load(protocol, port, count, connections = clients) {
    return JSON.parse(await tool([...loadCore, path.join(build, 'bench/load_jobs'), protocol, String(port), String(connections), String(count)]));
}
// Puts so many finished jobs behind a node, faster than a round does.
export const finish = (node, count) => load('http', node.port, count, 64);

async function startBeanstalkd() {
    const port = await freePort();
    const child = daemon([...serverCore, 'beanstalkd', '-l', '127.0.0.1', '-p', String(port), '-b', folder('beanstalkd'), '-f0']);
    await accepts(port);
    return { port, pid: child.pid };
}

const script = fileURLToPath(new URL('pg-boss.mjs', import.meta.url));

// A round of pg-boss: the same figures, of all processes of PostgreSQL, those that ended included.
async function pgBoss({ pid, url }, count) {
    const busy = () => [pid, ...tree(pid).map((s) => s.pid)].reduce((sum, each) => sum + cpuSeconds(each), 0) + reapedSeconds(pid);
    const before = busy();
    const { per_second: perSecond } = JSON.parse(await tool([...loadCore, process.execPath, script, url, String(clients), String(count)]));
    return { perSecond, us: ((busy() - before) * 1e6) / count };
}

// A round of load_jobs: cycles per second, and the server's CPU time for each.
async function round(protocol, { port, pid }) {
    const before = cpuSeconds(pid);
    const { per_second: perSecond } = await load(protocol, port, jobs);
    return { perSecond, us: ((cpuSeconds(pid) - before) * 1e6) / jobs };
}

export default async function measure() {
    const node = await startNode({ config });
    const beanstalkd = await startBeanstalkd(), { pid, dir, psql } = await startPostgres();
    const postgres = { pid, url: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(dir)}` };
    await psql('CREATE SCHEMA muster'); // the node's, apart from pg-boss's
    const shared = await startNode({ config: `store = "${postgres.url}&options=-csearch_path%3Dmuster"\n${config}` });
    await finish(shared, history);
    await load('beanstalk', beanstalkd.port, 500);
    await pgBoss(postgres, 100);
    await finish(node, history);
    const figures = { few: [], shared: [], beanstalkd: [], boss: [], many: [] };
    for (let i = 0; i < rounds; i++) {
        figures.few.push(await round('http', node));
        figures.shared.push(await round('http', shared));
        figures.beanstalkd.push(await round('beanstalk', beanstalkd));
        figures.boss.push(await pgBoss(postgres, 300));
    }
    const rate = (rows) => rows.map((r) => r.perSecond), cpu = (rows) => rows.map((r) => r.us);
    row('jobs, durable enqueue-claim-complete, 16 clients, against beanstalkd -b -f0', 'per s', rate(figures.few), rate(figures.beanstalkd), { ratio: '>=', value: 1 });
    row('jobs, the same, against pg-boss on PostgreSQL', 'per s', rate(figures.few), rate(figures.boss), { ratio: '>=', value: 10 });
    row('jobs, the same with the node on that PostgreSQL too, against pg-boss', 'per s', rate(figures.shared), rate(figures.boss), { ratio: '>=', value: 1 });
    note(`jobs, CPU us of the server per cycle, against beanstalkd: ${spread(cpu(figures.few), cpu(figures.beanstalkd))}`);
    note(`jobs, CPU us of the server per cycle, against PostgreSQL under pg-boss: ${spread(cpu(figures.few), cpu(figures.boss))}`);
    await tenTimes(node, figures.few.length * jobs + history);
}

// A node with little behind it and one with ten times as much, in turns.
async function tenTimes(node, finished) {
    const young = await startNode({ config });
    await finish(young, history);
    await finish(node, Math.max(0, history * 10 + rounds * jobs - finished));
    const rates = await alternate(rounds, async () => 1 / (await round('http', node)).us, async () => 1 / (await round('http', young)).us);
    row(`jobs, ${history * 10} or more finished ones behind it against ${history}, cycles`, 'per CPU us', rates.ours, rates.peer, { ratio: '>=', value: 0.9 });
}
