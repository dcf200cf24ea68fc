// hub.mjs -- durable reports over 64 connections against the same rows one by one through libpq, and a year of 10,000
// instances asked by the month.
import { mkdirSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { request } from '../tests/lib/http.mjs';
import { binary, build, environmentFor } from '../tests/lib/node.mjs';
import { kill, tree } from '../tests/lib/process.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { alternate, daemon, folder, freePort, loadCore, note, privateMiB, row, serverCore, startPostgres, tool } from './measure.mjs';

const connections = 64, reports = 6400, rounds = 3;
const rowsPerReport = 1 + 3 * 6; // the report, and hour, day and month of: all, instance, two statuses, type, model

async function startHub(dir, store = 'sqlite:hub.db') {
    const port = await freePort();
    mkdirSync(path.join(dir, 'data'), { recursive: true });
    writeFileSync(path.join(dir, 'hub.conf'), `data_dir = "${dir}/data"\nlog_level = "warn"\nhub { listen = "127.0.0.1:${port}" store = "${store}" rate = 1000000 burst = 1000000 retention_hourly = "0s" retention_reports = "0s" }\n`);
    const child = daemon([...serverCore, binary, 'hub', '--config', path.join(dir, 'hub.conf')], { env: environmentFor(dir), stdio: ['ignore', 'ignore', 'inherit'] });
    const get = (where) => request({ host: '127.0.0.1', port, agent: false }, 'GET', where);
    await waitUntil(async () => (await get('/readyz')).status === 200, 'the hub', 60_000);
    return { port, pid: child.pid, get, child };
}

async function enrol(hub, count) {
    const keys = [];
    for (let i = 0; i < count; i++) {
        const { json } = await request({ host: '127.0.0.1', port: hub.port, agent: false }, 'POST', '/api/v1/instances', { name: `bench-${i}` });
        keys.push(`${json.instance_id} ${json.api_key}`);
    }
    return `${keys.join('\n')}\n`;
}

const load = async (args, input) => JSON.parse(await tool([...loadCore, path.join(build, 'bench/load_hub'), ...args.map(String)], { input })).per_second;

async function throughput() {
    const { dir, psql } = await startPostgres();
    await psql('CREATE DATABASE hub');
    const peer = `host=${dir} user=postgres dbname=postgres`;
    const stores = [['SQLite', 'sqlite:hub.db'], ['PostgreSQL', `postgres://postgres@/hub?host=${dir}`]];
    for (const [name, store] of stores) {
        const hub = await startHub(folder('hub'), store);
        const keys = await enrol(hub, connections);
        await load(['http', hub.port, connections, 1280], keys);
        const figures = await alternate(rounds, () => load(['http', hub.port, connections, reports], keys), () => load(['pq', peer, 100, rowsPerReport]));
        row(`hub, durable reports, 64 connections, ${name}, against the same rows one by one through libpq`, 'per s', figures.ours, figures.peer, { ratio: '>=', value: 10 });
        note(`hub, private memory under 64 connections, ${name}: ${privateMiB([hub.pid, ...tree(hub.pid).map((s) => s.pid)]).toFixed(1)} MiB`);
        kill(hub.pid, 'SIGKILL');
    }
    note(`hub, the reports' own rows alone through libpq: ${(await load(['pq', peer, 1000, 1])).toFixed(0)} per s`);
}

// Rows as a year of reports leaves them: by day and month, of every instance and of all together.
const year = (instances) => `
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TEMP TABLE days AS WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 364) SELECT n, 1735689600000000 + n * 86400000000 AS at FROM d;
CREATE TEMP TABLE months AS SELECT CAST(strftime('%s', at / 1000000, 'unixepoch', 'start of month') AS INTEGER) * 1000000 AS at FROM days GROUP BY 1;
CREATE TEMP TABLE hosts AS WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${instances}) SELECT printf('host-%06d', n) AS id FROM i;
CREATE TEMP TABLE keys AS SELECT 'all' AS kind, '' AS key UNION ALL SELECT 'type', 'type-' || n FROM days WHERE n < 20 UNION ALL SELECT 'status', 'status-' || n FROM days WHERE n < 10 UNION ALL SELECT 'model', 'model-' || n FROM days WHERE n < 15;
INSERT INTO usage_monthly SELECT 'instance', m.at, h.id, 8640, 100000, 90000, 9000000000, 5000, 123456789, 1, 2, 3, 4, 5, 2 FROM hosts h, months m;
INSERT INTO usage_daily SELECT 'instance', d.at, h.id, 288, 3000, 2700, 300000000, 160, 4115226, 1, 2, 3, 4, 5, 2 FROM hosts h, days d;
INSERT INTO usage_monthly SELECT k.kind, m.at, k.key, 86400000, 1000000000, 900000000, 90000000000, 50000000, 1234567890000, 1, 2, 3, 4, 5, 2 FROM keys k, months m;
INSERT INTO usage_daily SELECT k.kind, d.at, k.key, 2880000, 30000000, 27000000, 3000000000, 1600000, 41152260000, 1, 2, 3, 4, 5, 2 FROM keys k, days d;
`;

function sqlite(file, text) {
    return new Promise((resolve, reject) => {
        const child = spawn('sqlite3', [file], { stdio: ['pipe', 'ignore', 'inherit'] });
        child.on('exit', (code) => (code ? reject(new Error(`sqlite3 ended with ${code}`)) : resolve()));
        child.stdin.end(text);
    });
}

async function p99(hub, where, times = 300) {
    const taken = [];
    for (let i = 0; i < times; i++) {
        const start = performance.now();
        const { status, text } = await hub.get(where);
        if (status !== 200) throw new Error(text);
        taken.push(performance.now() - start);
    }
    return taken.sort((a, b) => a - b)[Math.floor(times * 0.99)];
}

async function analytics(instances) {
    const dir = folder('hub-year');
    const first = await startHub(dir);
    kill(first.pid, 'SIGKILL');
    await waitUntil(() => first.child.exitCode !== null || first.child.signalCode !== null, 'the hub to be gone');
    await sqlite(path.join(dir, 'data/hub.db'), year(instances));
    const hub = await startHub(dir);
    const span = 'from=2025-01-01&to=2026-01-01&bucket=month';
    const figures = [];
    for (const query of [span, `${span}&group=type`, `${span}&group=status`, `${span}&group=model`, `${span}&group=instance&limit=1000`])
        figures.push([query.slice(span.length) || 'all', await p99(hub, `/api/v1/usage?${query}`)]);
    const worst = Math.max(...figures.map(([, ms]) => ms));
    note(`hub, a year of ${instances} instances, usage by month, p99 ms: ${figures.map(([what, ms]) => `${what} ${ms.toFixed(1)}`).join(', ')}`);
    kill(hub.pid, 'SIGKILL');
    return worst;
}

export default async function measure() {
    await throughput();
    const few = await analytics(1000), many = await analytics(10_000);
    row('hub, a year of 10,000 instances, usage by month, p99 of the slowest grouping', 'ms', many, null, { ours: '<', value: 100 });
    note(`hub, the same with a tenth of the instances: ${few.toFixed(1)} ms`);
}
