// hub.mjs -- durable reports over 64 connections against the same rows one by one through libpq, and a year of 10,000
// instances asked by the month.
import { mkdirSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { request } from '../tests/lib/http.mjs';
import { binary, build, environmentFor } from '../tests/lib/node.mjs';
import { clockTicks, kill, tree } from '../tests/lib/process.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { alternate, cpuSeconds, daemon, folder, freePort, loadCore, median, note, privateMiB, reapedSeconds, row, serverCore, startPostgres, tool } from './measure.mjs';

const connections = 64, reports = 6400, peerReports = 100, rounds = 3;
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

// CPU seconds of the server with those of its processes that are there, and those that it has buried.
const serverSeconds = (server) => reapedSeconds(server.pid) + tree(server.pid).reduce((sum, s) => sum + (s.utime + s.stime) / clockTicks, cpuSeconds(server.pid));

async function throughput() {
    const server = await startPostgres(), peer = `host=${server.dir} user=postgres dbname=postgres`;
    await server.psql('CREATE DATABASE hub');
    const stores = [['SQLite', 'sqlite:hub.db'], ['PostgreSQL', `postgres://postgres@/hub?host=${server.dir}`]];
    for (const [name, store] of stores) {
        const hub = await startHub(folder('hub'), store);
        const keys = await enrol(hub, connections);
        const spent = { ours: 0, peer: 0 }; // CPU of one report, in microseconds; over all rounds, as a process is booked when it is buried
        const measured = async (which, count, seconds, run) => {
            const before = seconds(), figure = await run();
            spent[which] += (1e6 * (seconds() - before)) / count / rounds;
            return figure;
        };
        await load(['http', hub.port, connections, 1280], keys);
        const figures = await alternate(rounds,
            () => measured('ours', reports, () => cpuSeconds(hub.pid) + serverSeconds(server), () => load(['http', hub.port, connections, reports], keys)),
            () => measured('peer', peerReports, () => serverSeconds(server), () => load(['pq', peer, peerReports, rowsPerReport])));
        row(`hub, durable reports, 64 connections, ${name}, against the same rows one by one through libpq`, 'per s', figures.ours, figures.peer, { ratio: '>=', value: 10 });
        note(`hub, ${name}, CPU of one report: ${spent.ours.toFixed(0)} µs of the hub and the database, one by one ${spent.peer.toFixed(0)} µs of the database alone`);
        note(`hub, private memory under 64 connections, ${name}: ${privateOf(hub).toFixed(1)} MiB`);
        await end(hub);
    }
    note(`hub, the reports' own rows alone through libpq: ${(await load(['pq', peer, 1000, 1])).toFixed(0)} per s`);
}

// Rows as a year of reports leaves them, written straight into the store: by day and month, of every instance, of all together, and by
// 20 types, 10 statuses and 15 models.  Hours are kept for weeks and not for a year.
const figures = '8640, 100000, 90000, 9000000000, 5000, 123456789, 1, 2, 3, 4, 5, 2';
const rowsOf = (table, time) => `
INSERT INTO ${table} SELECT 'instance', ${time}.at, h.id, ${figures} FROM hosts h, ${time};
INSERT INTO ${table} SELECT k.kind, ${time}.at, k.key, ${figures} FROM keys k, ${time};`;
const rows = rowsOf('usage_monthly', 'months') + rowsOf('usage_daily', 'days');
const keys = `CREATE TEMP TABLE keys AS SELECT 'all' AS kind, '' AS key UNION ALL SELECT 'type', 'type-' || n FROM days WHERE n < 20 UNION ALL SELECT 'status', 'status-' || n FROM days WHERE n < 10 UNION ALL SELECT 'model', 'model-' || n FROM days WHERE n < 15;`;
const yearOfSqlite = (instances) => `
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TEMP TABLE days AS WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 364) SELECT n, 1735689600000000 + n * 86400000000 AS at FROM d;
CREATE TEMP TABLE months AS SELECT CAST(strftime('%s', at / 1000000, 'unixepoch', 'start of month') AS INTEGER) * 1000000 AS at FROM days GROUP BY 1;
CREATE TEMP TABLE hosts AS WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${instances}) SELECT printf('host-%06d', n) AS id FROM i;
${keys}${rows}`;
const yearOfPostgres = (instances) => `
CREATE TEMP TABLE days AS SELECT n, 1735689600000000 + n * 86400000000 AS at FROM generate_series(0, 364) n;
CREATE TEMP TABLE months AS SELECT DISTINCT (extract(epoch FROM date_trunc('month', to_timestamp(at / 1000000) AT TIME ZONE 'UTC')) * 1000000)::bigint AS at FROM days;
CREATE TEMP TABLE hosts AS SELECT 'host-' || lpad(n::text, 6, '0') AS id FROM generate_series(1, ${instances}) n;
${keys}${rows}
ANALYZE;`;

function sqlite(file, text) {
    return new Promise((resolve, reject) => {
        const child = spawn('sqlite3', [file], { stdio: ['pipe', 'ignore', 'inherit'] });
        child.on('exit', (code) => (code ? reject(new Error(`sqlite3 ended with ${code}`)) : resolve()));
        child.stdin.end(text);
    });
}

// p99 in ms as a client sees it, and the hub's own CPU time of one answer.
async function ask(hub, query, times = 300) {
    const taken = [], before = cpuSeconds(hub.pid);
    for (let i = 0; i < times; i++) {
        const start = performance.now();
        const { status, text } = await hub.get(`/api/v1/usage?${query}`);
        if (status !== 200) throw new Error(text);
        taken.push(performance.now() - start);
    }
    return { ms: taken.sort((a, b) => a - b)[Math.floor(times * 0.99)], cpuMs: (1000 * (cpuSeconds(hub.pid) - before)) / times };
}

async function end(hub) {
    kill(hub.pid, 'SIGKILL');
    await waitUntil(() => hub.child.exitCode !== null || hub.child.signalCode !== null, 'the hub to be gone');
}

const privateOf = (hub) => privateMiB([hub.pid, ...tree(hub.pid).map((s) => s.pid)]);

// The slowest grouping's p99, and what reports cost beside a year: per second, and the memory that the hub has then.
async function analytics(instances, name, store, fill) {
    const dir = folder('hub-year');
    await end(await startHub(dir, store));
    await fill(dir);
    const hub = await startHub(dir, store);
    const span = 'from=2025-01-01&to=2026-01-01&bucket=month';
    const asked = [];
    for (const group of ['', '&group=type', '&group=status', '&group=model', '&group=instance&limit=1000']) asked.push({ group: group.slice(1) || 'all', ...(await ask(hub, span + group)) });
    note(`hub, a year of ${instances} instances, ${name}, p99 in ms (CPU of one answer): ${asked.map(({ group, ms, cpuMs }) => `${group} ${ms.toFixed(1)} (${cpuMs.toFixed(2)})`).join(', ')}`);
    const keys = await enrol(hub, connections);
    await load(['http', hub.port, connections, 1280], keys);
    const perSecond = [], perCpuSecond = [];
    for (let i = 0; i < rounds; i++) {
        const before = cpuSeconds(hub.pid);
        perSecond.push(await load(['http', hub.port, connections, reports], keys));
        perCpuSecond.push(reports / (cpuSeconds(hub.pid) - before));
    }
    const memory = privateOf(hub);
    await end(hub);
    return { ms: Math.max(...asked.map(({ ms }) => ms)), perSecond, perCpuSecond, memory };
}

const onSqlite = (instances) => analytics(instances, 'SQLite', 'sqlite:hub.db', (dir) => sqlite(path.join(dir, 'data/hub.db'), yearOfSqlite(instances)));

async function onPostgres(instances) {
    const { dir } = await startPostgres();
    return analytics(instances, 'PostgreSQL', `postgres://postgres@/postgres?host=${dir}`, () => tool(['psql', '-q', '-h', dir, '-U', 'postgres'], { input: yearOfPostgres(instances) }));
}

export default async function measure() {
    await throughput();
    const few = await onSqlite(1000);
    for (const [name, many] of [['SQLite', await onSqlite(10_000)], ['PostgreSQL', await onPostgres(10_000)]]) {
        row(`hub, a year of 10,000 instances, ${name}, usage by month, p99 of the slowest grouping`, 'ms', many.ms, null, { ours: '<', value: 100 });
        note(`hub, a year of 10,000 instances, ${name}: ${median(many.perSecond).toFixed(0)} durable reports per s beside it, ${many.memory.toFixed(1)} MiB of private memory`);
        if (name === 'SQLite') {
            row('hub, durable reports beside a year of 10,000 instances, against one of 1,000', 'per CPU s', many.perCpuSecond, few.perCpuSecond, { ratio: '>=', value: 0.9 });
            row('hub, memory beside a year of 10,000 instances, against one of 1,000', 'MiB', many.memory, few.memory, { ratio: '<=', value: 1.1 });
        }
    }
}
