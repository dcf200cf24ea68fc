// spec 30: GET /metrics of a real node with real processes.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, shellAgent, waitJob } from '../lib/agents.mjs';
import { build, run, startNode } from '../lib/node.mjs';
import { alive, kill, stat, tree } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const always = 'metrics { freshness = "0s" }\n'; // each look is a new one
const asleep = shellAgent('exec sleep 1000');
const openmetrics = { accept: 'application/openmetrics-text;version=1.0.0' };
const text = { accept: 'text/plain;version=0.0.4' };

async function snapshot(node) {
    const answer = await node.get('/metrics');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/json');
    return answer.json;
}

// Waits until the one agent has a pid, and returns the snapshot.
const withAgent = (node, holds = (agent) => agent.cpu_ticks !== null) =>
    node.waitFor(async () => {
        const now = await snapshot(node);
        return now.agents.length > 0 && now.agents.every(holds) && now;
    }, 'the agents to be in /metrics');

async function sqlite(node, sql) {
    const { code, stdout, stderr } = await run(['sqlite3', '-cmd', '.timeout 10000', node.storePath, sql], {});
    assert.equal(code, 0, stderr);
    return stdout;
}

const task = async (node, body) => (await node.post('/api/v1/tasks', body)).json;

// Only where nothing runs and nothing is queued is everything known.
test('M1 M2 M3 the snapshot has the fields of the contract, in its order', async (t) => {
    const node = await startNode(t, { config: always + asleep });
    await task(node, { work_item: 'API-42', stage: 'review', repo: 'acme/api' });
    await addJob(node, { agent: 'sh', args: [], repo: 'acme/api', model: 'm-1', effort: 'high' });
    const before = Date.now();
    const now = await withAgent(node);
    const keys = (value) => Object.keys(value);
    assert.deepEqual(keys(now), ['schema_version', 'generated_at', 'generated_at_us', 'clk_tck', 'stages', 'queue', 'agents', 'cost']);
    assert.equal(now.schema_version, 1);
    assert.match(now.generated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(Date.parse(now.generated_at), Math.floor(now.generated_at_us / 1e6) * 1000);
    assert.ok(now.generated_at_us / 1000 > before - 1 && now.generated_at_us / 1000 < Date.now() + 1);
    assert.equal(now.clk_tck, Number((await run(['getconf', 'CLK_TCK'], {})).stdout));
    assert.deepEqual(keys(now.stages[0]), ['work_item', 'stage', 'age_in_stage_s', 'repo', 'task_id']);
    assert.deepEqual(keys(now.queue), ['counts', 'depth', 'retries', 'breaker', 'max_concurrency', 'poll_interval', 'oldest_queued_s']);
    assert.deepEqual(keys(now.queue.counts), ['queued', 'running', 'done', 'failed', 'cancelled']);
    assert.deepEqual(keys(now.queue.retries), ['jobs_retried', 'attempts', 'exhausted', 'scheduled']);
    assert.deepEqual(keys(now.queue.breaker).slice(0, 5), ['state', 'consecutive_failures', 'opened_at', 'retry_at', 'trips']);
    assert.deepEqual(keys(now.agents[0]).slice(0, 11),
        ['agent', 'run_id', 'job_id', 'repo', 'pid', 'runtime_s', 'model', 'effort', 'cpu_ticks', 'start_ticks', 'rss_bytes']);
    assert.deepEqual(now.cost.running, [{ run_id: now.agents[0].run_id, job_id: now.agents[0].job_id, agent: 'sh', cost_usd: null,
        input_tokens: null, output_tokens: null, cache_read_tokens: null, cache_creation_tokens: null }]);
    assert.deepEqual(now.cost.aggregate, { runs: 0, cost_usd: 0, input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_creation_tokens: 0 });
    assert.deepEqual([now.agents[0].repo, now.agents[0].model, now.agents[0].effort], ['acme/api', 'm-1', 'high']);
    assert.deepEqual([now.queue.max_concurrency, now.queue.poll_interval], [4, 1]);
});

test('M4 switched off, the body is these bytes and nothing else, for whoever asks', async (t) => {
    const node = await startNode(t, { config: 'metrics { enabled = false }' });
    for (const headers of [{}, openmetrics, text, { accept: 'image/png' }]) {
        const answer = await node.get('/metrics', headers);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '{"schema_version":1,"enabled":false}');
    }
});

// What a reader sees of each table that is missing.
const hidden = {
    tasks: { degraded: ['stages'], stages: [] },
    counters: { degraded: ['queue.counts', 'queue.retries', 'cost.aggregate'] },
    runs: { degraded: ['agents', 'cost.running'], agents: [] },
    jobs: { degraded: ['queue.oldest_queued_s', 'agents', 'cost.running'], agents: [] },
};
const sections = {
    stages: (s) => s.stages.map((one) => one.task_id),
    'queue.counts': (s) => s.queue.counts,
    'queue.retries': (s) => s.queue.retries,
    'queue.breaker': (s) => s.queue.breaker,
    'queue.max_concurrency': (s) => s.queue.max_concurrency,
    'queue.poll_interval': (s) => s.queue.poll_interval,
    agents: (s) => s.agents.map((one) => [one.pid, one.start_ticks, typeof one.cpu_ticks]), // the ticks themselves go on
    'cost.running': (s) => s.cost.running,
    'cost.aggregate': (s) => s.cost.aggregate,
};
const defaults = { stages: [], agents: [], 'cost.running': [], 'queue.counts': null, 'queue.retries': null, 'cost.aggregate': null };

for (const [table, expected] of Object.entries(hidden)) {
    test(`M5 without the table ${table} its sections take their default, and come back with it`, async (t) => {
        const node = await startNode(t, { config: always + asleep });
        await task(node, { work_item: 'API-42', stage: 'review' });
        await addJob(node, { agent: 'sh', args: [] });
        const before = await withAgent(node);
        await sqlite(node, `ALTER TABLE ${table} RENAME TO hidden`);
        const during = await snapshot(node);
        await sqlite(node, `ALTER TABLE hidden RENAME TO ${table}`);
        const after = await snapshot(node);
        assert.deepEqual(during.degraded, expected.degraded);
        for (const [name, value] of Object.entries(sections))
            assert.deepEqual(value(during), expected.degraded.includes(name) ? defaults[name] : value(before), name);
        assert.equal(after.degraded, undefined);
        for (const [name, value] of Object.entries(sections)) assert.deepEqual(value(after), value(before), name);
        assert.ok(node.lines.some((line) => line.includes(`section=${expected.degraded[0]}`) && line.includes(table)), 'the log says what failed');
    });
}

test('M6 stages holds what is open; the age counts from the move', async (t) => {
    const node = await startNode(t, { config: always });
    const ids = [];
    for (const stage of ['plan', 'review', 'done', 'cancelled']) ids.push((await task(node, { work_item: stage, stage: 'plan' })).id);
    for (const [i, stage] of ['plan', 'review', 'done', 'cancelled'].entries())
        if (i > 0) assert.equal((await node.post(`/api/v1/tasks/${ids[i]}/stage`, { stage })).status, 200);
    await sqlite(node, `UPDATE tasks SET stage_entered_at = stage_entered_at - 312000000 WHERE id = ${ids[1]}`);
    const { stages } = await snapshot(node);
    assert.deepEqual(stages.map((one) => [one.task_id, one.stage]), [[ids[0], 'plan'], [ids[1], 'review']]);
    assert.ok(stages[0].age_in_stage_s < 60);
    assert.ok(stages[1].age_in_stage_s >= 312 && stages[1].age_in_stage_s < 372);
    assert.equal(stages[0].repo, null);
});

test('M7 counts and depth follow the jobs', async (t) => {
    const node = await startNode(t, { config: `max_concurrency = 1\n${always}${asleep}${shellAgent('exit 0', { name: 'ok' })}` });
    const { id } = await addJob(node, { agent: 'ok', args: [] });
    await waitJob(node, id, 'done');
    for (let i = 0; i < 3; i++) await addJob(node, { agent: 'sh', args: [] });
    const { queue } = await node.waitFor(async () => {
        const now = await snapshot(node);
        return now.queue.counts.running === 1 && now;
    }, 'one job to run');
    assert.deepEqual(queue.counts, { queued: 2, running: 1, done: 1, failed: 0, cancelled: 0 });
    assert.equal(queue.depth, 2);
    assert.equal(typeof queue.oldest_queued_s, 'number');
});

// What the kernel says of everything below the shim.  cutime and cstime hold what has been waited for.
function ticksBelow(shim) {
    const reaped = stat(shim);
    return tree(shim).reduce((sum, one) => sum + one.utime + one.stime + one.cutime + one.cstime, reaped.cutime + reaped.cstime);
}

// The agent as the node shows it between two looks of our own that agree: its processes are at rest, but may only just be.
async function agentAtRest(node) {
    let found;
    await waitUntil(async () => {
        const { agents: [{ pid }] } = await withAgent(node);
        const shim = stat(pid).ppid;
        const ticks = ticksBelow(shim);
        const now = await withAgent(node);
        found = { agent: now.agents[0], clk_tck: now.clk_tck, ticks };
        return ticksBelow(shim) === ticks;
    }, 'the processes of the agent to be at rest');
    return found;
}

test('M8 M10 a process with a name like fields: its ticks, those of a child it waited for and of an orphan it left', async (t) => {
    const config = `agent "weird" {\n  command = { "${path.join(build, 'weird')}", "{args}" }\n  output = "text"\n}\n`;
    const node = await startNode(t, { config: always + config });
    const file = path.join(node.dir, 'ready');
    await addJob(node, { agent: 'weird', args: [file, '200'] });
    await waitUntil(() => existsSync(file), 'the process to have worked', 30_000);
    const { agent, clk_tck: hz, ticks } = await agentAtRest(node);
    assert.equal(stat(agent.pid).comm, 'we) ird (name');
    assert.equal(agent.cpu_ticks, ticks);
    // Three processes of 200 ms; each may lose a tick or two to rounding.
    assert.ok(agent.cpu_ticks >= 0.6 * hz - 6, `${agent.cpu_ticks} ticks`);
    assert.ok(stat(agent.pid).utime + stat(agent.pid).stime < 0.6 * hz - 6, 'its own ticks would not be enough');
    assert.equal(agent.start_ticks, stat(agent.pid).startTicks);
    assert.equal(agent.processes, 2);
});

test('M10 a compile that the agent started is counted', async (t) => {
    const source = Array.from({ length: 400 }, (_, i) => `int f${i}(int x) { return x % ${i + 1} ? f${i ? i - 1 : 0}(x / 2) : x * ${i}; }`).join('\n');
    const node = await startNode(t, { config: always + shellAgent('setsid --wait gcc -O2 -w -c "$1.c" -o "$1.o"; times > "$1.times"; exec sleep 1000') });
    const base = path.join(node.dir, 'unit');
    writeFileSync(`${base}.c`, `int f0(int);\n${source}\n`);
    await addJob(node, { agent: 'sh', args: [base] });
    await waitUntil(() => existsSync(`${base}.times`) && readFileSync(`${base}.times`, 'utf8').split('\n').length >= 3, 'the compile to end', 60_000);
    const { agent, clk_tck: hz, ticks } = await agentAtRest(node);
    // `times`: user and system time of the shell, then of the children it waited for.
    const seconds = [...readFileSync(`${base}.times`, 'utf8').matchAll(/(\d+)m([\d.]+)s/g)].map((m) => 60 * m[1] + Number(m[2]));
    const compiled = (seconds[2] + seconds[3]) * hz;
    assert.ok(compiled >= 3, `a compile of ${compiled} ticks shows nothing`);
    assert.ok(agent.cpu_ticks >= compiled - 3, `${agent.cpu_ticks} of ${compiled} ticks`);
    assert.equal(agent.cpu_ticks, ticks);
});

async function lease(node, report) {
    await addJob(node, { agent: 'remote', args: [] });
    const { jobs: [job] } = (await node.post('/api/v1/jobs/lease', { worker: 'w1', agents: ['remote'], lease_s: 600 })).json;
    assert.equal((await node.post(`/api/v1/jobs/${job.id}/heartbeat`, { lease_token: job.lease_token, lease_s: 600, ...report })).status, 200);
    return job.id;
}

test('M8 M9 a pid of another, a dead one and none give null for that agent alone', async (t) => {
    const node = await startNode(t, { config: `${always}agent "remote" { output = "text" }\n` });
    const mine = stat(process.pid).startTicks;
    const { stdout } = await run(['sh', '-c', 'echo $$'], {});
    const ids = {
        right: await lease(node, { pid: process.pid, start_ticks: mine }),
        reused: await lease(node, { pid: process.pid, start_ticks: mine - 1 }),
        dead: await lease(node, { pid: Number(stdout), start_ticks: mine }),
        none: await lease(node, {}),
    };
    const { agents, degraded } = await snapshot(node);
    const by = Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, agents.find((one) => one.job_id === id)]));
    assert.ok(by.right.cpu_ticks > 0 && by.right.rss_bytes > 0);
    for (const name of ['reused', 'dead', 'none']) assert.deepEqual([by[name].cpu_ticks, by[name].rss_bytes], [null, null], name);
    assert.equal(by.reused.start_ticks, mine - 1);
    assert.deepEqual([by.none.pid, by.none.start_ticks], [null, null]);
    assert.equal(degraded, undefined);
    for (const agent of agents) assert.ok(agent.runtime_s >= 0);
});

test('M8 an agent that is killed has no ticks, and then no entry', async (t) => {
    const node = await startNode(t, { config: always + shellAgent('exec sleep 1000', { more: 'max_attempts = 1' }) });
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    const { agents: [agent] } = await withAgent(node);
    kill(agent.pid);
    await node.waitFor(async () => (await snapshot(node)).agents.every((one) => one.cpu_ticks === null || alive(one.pid, one.start_ticks)), 'no ticks of the dead');
    await waitJob(node, id, 'failed');
    assert.deepEqual((await snapshot(node)).agents, []);
});

test('M11 tokens and cost are live, and the aggregate agrees when the run has ended', async (t) => {
    const usage = { input_tokens: 11, output_tokens: 7, cache_read_input_tokens: 5, cache_creation_input_tokens: 3 };
    const message = JSON.stringify({ type: 'assistant', message: { id: 'msg_1', model: 'claude-sonnet-4-5', role: 'assistant', content: [], usage } });
    const result = JSON.stringify({ type: 'result', subtype: 'success', is_error: false, total_cost_usd: 0.25, usage });
    const config = shellAgent('cat "$1.message"; until [ -e "$1.go" ]; do sleep 0.02; done; cat "$1.result"').replace('"text"', '"claude-stream-json"');
    const node = await startNode(t, { config: always + config });
    const base = path.join(node.dir, 'out');
    writeFileSync(`${base}.message`, `${message}\n`);
    writeFileSync(`${base}.result`, `${result}\n`);
    const { id } = await addJob(node, { agent: 'sh', args: [base] });
    const tokens = { input_tokens: 11, output_tokens: 7, cache_read_tokens: 5, cache_creation_tokens: 3 };
    const { cost } = await node.waitFor(async () => {
        const now = await snapshot(node);
        return now.cost.running[0]?.output_tokens === 7 && now;
    }, 'the tokens of the running agent');
    for (const [name, count] of Object.entries(tokens)) assert.equal(cost.running[0][name], count, name);
    assert.equal(cost.aggregate.runs, 0);
    writeFileSync(`${base}.go`, '');
    await waitJob(node, id, 'done');
    const after = await snapshot(node);
    assert.deepEqual(after.cost.running, []);
    assert.deepEqual(after.cost.aggregate, { runs: 1, cost_usd: 0.25, ...tokens });
});

test('M12 in every snapshot the counts, the agents and the costs are of one moment', async (t) => {
    const node = await startNode(t, { config: `max_concurrency = 8\n${always}${shellAgent('exit 0')}` });
    let sent = 0, over = false;
    const sender = (async () => {
        for (; sent < 150; sent++) await addJob(node, { agent: 'sh', args: [] });
        await node.waitFor(async () => (await snapshot(node)).queue.counts.done === 150, 'all jobs to be done', 60_000);
        over = true;
    })();
    let seen = 0;
    while (!over) {
        const low = sent, { queue, agents, cost } = await snapshot(node);
        assert.equal(agents.length, queue.counts.running);
        assert.equal(cost.running.length, queue.counts.running);
        const all = Object.values(queue.counts).reduce((a, b) => a + b);
        assert.ok(all >= low && all <= sent + 1, `${all} jobs, ${low} to ${sent + 1} sent`);
        assert.ok(cost.aggregate.runs >= queue.counts.done);
        seen += queue.counts.running > 0;
    }
    await sender;
    assert.ok(seen > 0, 'a snapshot with running jobs');
});

test('reading changes nothing in the store', async (t) => {
    const node = await startNode(t, { config: always });
    await task(node, { work_item: 'API-42', stage: 'review' });
    // The node's own heartbeats are saved whoever reads; everything else is compared.
    const dump = async () => (await sqlite(node, '.dump')).replace(/^INSERT INTO workers .*\n/gm, '');
    const before = await dump();
    for (const headers of [{}, openmetrics, text]) for (let i = 0; i < 5; i++) await node.get('/metrics', headers);
    assert.equal(await dump(), before);
    assert.match(before, /^INSERT INTO tasks .*API-42/m);
});

test('whoever asks at once shares one collection, and while it is fresh it is not made again', async (t) => {
    const node = await startNode(t, { config: 'metrics { freshness = "1m" }' });
    const bodies = await Promise.all(Array.from({ length: 30 }, () => node.get('/metrics')));
    assert.equal(new Set(bodies.map((one) => one.text)).size, 1);
    assert.match((await node.get('/metrics', text)).text, /^muster_metrics_collections_total 1$/m);
});

async function promtool(page) {
    const { code, stdout, stderr } = await run(['promtool', 'check', 'metrics'], { input: page });
    return { code, said: stdout + stderr };
}

test('OpenMetrics by Accept, and promtool has nothing to say', async (t) => {
    const node = await startNode(t, { config: `${always}${asleep}` });
    await task(node, { work_item: 'API-42', stage: 'in "review"\n\\' });
    await addJob(node, { agent: 'sh', args: [] });
    await withAgent(node);
    await node.get('/api/v1/jobs/999999');
    const plain = await node.get('/metrics', text);
    assert.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.deepEqual(await promtool(plain.text), { code: 0, said: '' });
    const open = await node.get('/metrics', openmetrics);
    assert.equal(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.ok(open.text.endsWith('\n# EOF\n'));
    for (const line of ['muster_jobs{status="running"} 1', 'muster_queue_depth 0',
        'muster_http_requests_total{method="GET",route="/api/v1/jobs/{id}",code="404"} 1'])
        assert.ok(open.text.split('\n').includes(line), line);
    for (const name of ['muster_tasks', 'muster_breaker_state', 'muster_agents_running', 'muster_agent_cpu_seconds_total',
        'muster_agent_resident_memory_bytes', 'muster_agent_start_time_seconds', 'muster_http_request_duration_seconds_bucket',
        'muster_store_commit_duration_seconds_bucket', 'muster_process_cpu_seconds_total', 'muster_build_info'])
        assert.match(open.text, new RegExp(`^${name}[{ ]`, 'm'));
    assert.equal((await node.get('/metrics', { accept: '*/*' })).headers['content-type'], 'application/json');
});
