// spec 70: agents that register themselves, sessions, and the session status.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { atEnd } from '../lib/cleanup.mjs';
import { startNode } from '../lib/node.mjs';
import { kill, openFiles, stat, waitGone } from '../lib/process.mjs';
import { waitUntil, withDeadline } from '../lib/wait.mjs';

// A process that does nothing, and is gone when the test ends.
async function sleeper(t) {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    atEnd(t, () => kill(child.pid));
    await waitUntil(() => stat(child.pid)?.comm === 'sleep', 'the process to run');
    return child.pid;
}

async function register(node, body) {
    const answer = await node.post('/api/v1/agents', body);
    assert.equal(answer.status, 201, answer.text);
    return answer.json;
}
const beat = (node, id, body) => node.request('PUT', `/api/v1/agents/${id}/heartbeat`, body);
async function status(node, session, query = '') {
    const answer = await node.get(`/api/v1/sessions/${encodeURIComponent(session)}/status${query}`);
    assert.equal(answer.status, 200, answer.text);
    return { ...answer.json, headers: answer.headers };
}
const ids = (document) => document.agents.map((a) => a.agent_id);

test('A10: the document has every field, and a healthy session has nothing to say', async (t) => {
    const node = await startNode(t);
    const pid = await sleeper(t);
    const made = await node.post('/api/v1/sessions', { id: 's 1', name: 'Real name' });
    assert.equal(made.status, 201);
    assert.equal(made.json.id, 's 1');
    const agent = await register(node, { name: 'a', session_id: 's 1', process_id: pid, specialization: 'tests', terminal: 'pts/7', period_s: 60 });
    const d = await status(node, 's 1');
    assert.deepEqual(Object.keys(d).filter((k) => k !== 'headers').sort(), ['agents', 'collection_duration_ms', 'collection_timestamp', 'errors', 'metrics',
        'partial_results', 'session_health', 'session_id', 'session_name', 'strategy', 'warnings']);
    assert.equal(d.session_id, 's 1');
    assert.equal(d.session_name, 'Real name');
    assert.equal(d.session_health, 'healthy');
    assert.equal(d.partial_results, false);
    assert.deepEqual([d.errors, d.warnings], [[], []]);
    const { cpu_percent, memory_mb, memory_sampled_at, file_descriptors, thread_count, created_at, last_activity, ...rest } = d.agents[0];
    assert.deepEqual(rest, { agent_id: agent.id, agent_name: 'a', status: 'active', session_id: 's 1', specialization: 'tests', process_id: pid,
        terminal: 'pts/7', server: null, error_message: null, is_accessible: true });
    assert.equal(cpu_percent, null, 'the first sight of a process');
    const pss = Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+) kB/m)[1]) / 1024;
    assert.ok(memory_mb > 0 && memory_mb < 4 * pss + 1, `${memory_mb} MiB, proportional ${pss}`);
    assert.ok(Date.parse(created_at) <= Date.parse(memory_sampled_at) && Date.parse(memory_sampled_at) <= Date.parse(d.collection_timestamp));
    assert.equal(file_descriptors, openFiles(pid));
    assert.equal(thread_count, 1);
    assert.ok(Date.parse(created_at) <= Date.parse(last_activity) && Date.parse(last_activity) <= Date.parse(d.collection_timestamp));
    const { total_agents, active_agents, degraded_agents, failed_agents, offline_agents, health_score, critical_issues, warnings } = d.metrics;
    assert.deepEqual([total_agents, active_agents, degraded_agents, failed_agents, offline_agents], [1, 1, 0, 0, 0]);
    assert.deepEqual([health_score, critical_issues, warnings], [100, 0, 0]);
    assert.equal(d.metrics.total_memory_mb, memory_mb);
    assert.equal(d.metrics.max_memory_usage_mb, memory_mb);
    assert.equal(d.metrics.total_file_descriptors, file_descriptors);
    assert.ok(d.metrics.resource_utilization_percent > 0 && d.metrics.resource_utilization_percent < 100);
});

test('A1: strategies and flags decide what is in it; what is unknown is refused', async (t) => {
    const node = await startNode(t);
    const pid = await sleeper(t);
    await register(node, { name: 'a', session_id: 's', process_id: pid });
    const has = async (query, ...fields) => {
        const [agent] = (await status(node, 's', query)).agents;
        return fields.map((f) => f in agent);
    };
    const fields = ['cpu_percent', 'memory_mb', 'health_status', 'health_issues', 'last_health_check'];
    assert.deepEqual(await has('?strategy=fast', ...fields), [false, false, false, false, false]);
    assert.deepEqual(await has('', ...fields), [true, true, false, false, false]);
    assert.deepEqual(await has('?strategy=comprehensive', ...fields), [true, true, true, true, true]);
    assert.deepEqual(await has('?strategy=comprehensive&include_metrics=false', ...fields), [false, false, true, true, true]);
    assert.deepEqual(await has('?strategy=comprehensive&include_health=false', ...fields), [true, true, false, false, false]);
    assert.equal((await node.get('/api/v1/sessions/s/status?strategy=quick')).status, 400);
    assert.equal((await node.get('/api/v1/sessions/s/status?include_health=perhaps')).status, 400);
    const absent = await node.get('/api/v1/sessions/nobody/status');
    assert.equal(absent.status, 404);
    assert.match(absent.headers['content-type'], /problem\+json/);
    await node.post('/api/v1/sessions', { id: 'empty', name: 'Nobody here' });
    const empty = await status(node, 'empty');
    assert.equal(empty.session_health, 'empty');
    assert.equal(empty.metrics.health_score, 0);
    assert.deepEqual(empty.agents, []);
    assert.equal((await status(node, 's', '?strategy=comprehensive')).agents[0].health_status, 'healthy');
});

test('A4 to A7: counts, score, health and warnings of a mixed session', async (t) => {
    const node = await startNode(t);
    for (const [i, word] of ['active', 'idle', 'degraded', 'failed', 'offline', 'starting'].entries()) await register(node, { name: `a${i}`, session_id: 's', status: word });
    const d = await status(node, 's', '?strategy=fast');
    const m = d.metrics;
    assert.deepEqual([m.total_agents, m.active_agents, m.degraded_agents, m.failed_agents, m.offline_agents], [6, 3, 1, 1, 1]);
    assert.equal(m.health_score, 58.3); // (3 × 100 + 1 × 50) / 6 = 58.33…
    assert.equal(m.critical_issues, 2);
    assert.equal(m.warnings, 1);
    assert.equal(d.session_health, 'degraded'); // 3 of 6 are a problem: 50 %
    assert.equal(d.partial_results, true);
    assert.deepEqual(d.warnings, ['1 agents are offline or unreachable', 'Low session health score: 58.3']);
    assert.equal(d.errors.length, 1);
    assert.ok(d.errors[0].startsWith(`${d.agents[4].agent_id}: `));
    assert.deepEqual([d.agents[4].is_accessible, d.agents[3].is_accessible], [false, true]);
    const [listed] = (await node.get('/api/v1/sessions')).json.sessions;
    assert.deepEqual([listed.id, listed.session_health, listed.health_score, listed.total_agents], ['s', 'degraded', 58.3, 6]);
});

test('an agent whose heartbeats stop for 3 periods is not accessible, until it is heard again', async (t) => {
    const node = await startNode(t);
    const { id } = await register(node, { name: 'a', session_id: 's', period_s: 0.2 });
    const events = await node.events('/api/v1/events?subject=event.agent.*');
    const gone = await node.waitFor(async () => {
        const d = await status(node, 's');
        return !d.agents[0].is_accessible && d;
    }, 'the agent to be missed');
    assert.equal(gone.agents[0].status, 'offline');
    assert.equal(gone.metrics.offline_agents, 1);
    assert.equal(gone.session_health, 'critical');
    assert.match(gone.agents[0].error_message, /heartbeat/);
    const back = await beat(node, id, { status: 'idle', period_s: 600 });
    assert.equal(back.status, 200);
    assert.deepEqual([back.json.status, back.json.is_accessible], ['idle', true]);
    assert.equal((await status(node, 's')).session_health, 'healthy');
    await waitUntil(() => events.events.some((e) => e.data.agent_id === id && e.data.to === 'idle'), 'the event');
});

test('an agent whose process is gone has failed, at once and whoever else has its pid by now', async (t) => {
    const node = await startNode(t);
    const pid = await sleeper(t);
    const { id } = await register(node, { name: 'a', session_id: 's', process_id: pid });
    assert.equal((await status(node, 's')).agents[0].status, 'active');
    assert.equal((await status(node, 's')).headers['x-cache'], 'HIT');
    kill(pid);
    await waitGone(pid);
    const d = await node.waitFor(async () => {
        const now = await status(node, 's');
        return now.agents[0].status === 'failed' && now;
    }, 'the agent to be failed');
    assert.equal(d.metrics.failed_agents, 1);
    assert.equal(d.session_health, 'critical');
    assert.equal(d.agents[0].memory_mb, null);
    await node.restart();
    assert.equal((await status(node, 's')).agents[0].status, 'failed', 'the pid alone names nobody');
    const other = await sleeper(t);
    assert.equal((await beat(node, id, { process_id: other })).json.status, 'active');
    const never = await register(node, { name: 'b', session_id: 's', process_id: 4194304 });
    assert.equal(never.status, 'failed');
});

test('A8: a cached answer is told by its headers, is one strategy\'s alone, and is dropped when an agent changes', async (t) => {
    const node = await startNode(t);
    const { id } = await register(node, { name: 'a', session_id: 's' });
    const tell = async (query) => (await status(node, 's', query)).headers['x-cache'];
    assert.deepEqual([await tell(''), await tell(''), await tell('?strategy=fast'), await tell('?strategy=fast')], ['MISS', 'HIT', 'MISS', 'HIT']);
    assert.equal(await tell('?include_metrics=false'), 'MISS');
    assert.deepEqual([await tell('?strategy=comprehensive'), await tell('?strategy=comprehensive')], ['MISS', 'MISS']);
    const first = await status(node, 's'), again = await status(node, 's');
    assert.equal(first.collection_timestamp, again.collection_timestamp);
    assert.match(again.headers.age, /^\d+$/);
    await beat(node, id, {});
    assert.equal(await tell(''), 'HIT', 'a heartbeat that changes nothing');
    await beat(node, id, { status: 'degraded' });
    const changed = await status(node, 's');
    assert.deepEqual([changed.headers['x-cache'], changed.agents[0].status], ['MISS', 'degraded']);
    const second = await register(node, { name: 'b', session_id: 's' });
    assert.deepEqual(ids(await status(node, 's')), [id, second.id]);
    assert.equal((await node.request('DELETE', `/api/v1/agents/${id}`)).status, 204);
    assert.deepEqual(ids(await status(node, 's')), [second.id]);
});

test('A8: an entry ends with its time', async (t) => {
    const node = await startNode(t, { config: 'status { cache = "200ms" }' });
    await register(node, { name: 'a', session_id: 's' });
    await status(node, 's');
    await node.waitFor(async () => (await node.get('/api/v1/sessions/aggregation-stats')).json.cache_entries === 0, 'the entry to be removed');
    assert.equal((await status(node, 's')).headers['x-cache'], 'MISS');
});

test('A9, A11: who asks the same at the same time shares one collection, and the statistics add up', async (t) => {
    const node = await startNode(t);
    const fresh = (await node.get('/api/v1/sessions/aggregation-stats')).json;
    assert.deepEqual([fresh.total_collections, fresh.success_rate, fresh.avg_collection_time_ms], [0, null, null]);
    const pid = await sleeper(t);
    for (let i = 0; i < 50; i++) await register(node, { name: `a${i}`, session_id: 's', process_id: pid });
    const answers = await Promise.all(Array.from({ length: 20 }, () => status(node, 's')));
    const stats = (await node.get('/api/v1/sessions/aggregation-stats')).json;
    const stamps = new Set(answers.map((d) => d.collection_timestamp));
    assert.equal(stats.total_collections, stamps.size);
    assert.ok(stamps.size < 20, `${stamps.size} collections for 20 requests`);
    assert.equal(stats.successful_collections, stamps.size);
    assert.equal(stats.success_rate, 100);
    assert.equal(stats.partial_rate, 0);
    await register(node, { name: 'off', session_id: 'p', status: 'offline' });
    await status(node, 'p', '?strategy=fast');
    const more = (await node.get('/api/v1/sessions/aggregation-stats')).json;
    assert.deepEqual([more.total_collections, more.partial_collections], [stamps.size + 1, 1]);
    assert.equal(more.partial_rate, 100 / (stamps.size + 1));
});

test('A3: cpu_percent is that of the time since the last look, over the whole tree', async (t) => {
    const node = await startNode(t);
    const child = spawn('sh', ['-c', 'while :; do :; done & wait'], { stdio: 'ignore', detached: true });
    atEnd(t, () => kill(-child.pid));
    await register(node, { name: 'busy', session_id: 's', process_id: child.pid });
    assert.equal((await status(node, 's', '?strategy=comprehensive')).agents[0].cpu_percent, null);
    const busy = await node.waitFor(async () => {
        const [agent] = (await status(node, 's', '?strategy=comprehensive')).agents;
        return agent.cpu_percent > 1 && agent;
    }, 'CPU use of the child');
    assert.ok(busy.cpu_percent <= 100 * availableParallelism());
    assert.equal(busy.thread_count, 2, 'the shell and its child');
});

test('A3: the memory of a tree that nobody has touched is not measured again for ten seconds; any change is seen at once', async (t) => {
    const node = await startNode(t);
    const program = 'import sys\nkept = []\nprint()\nfor line in sys.stdin:\n kept.append(b"x" * (32 << 20))\n print()';
    const child = spawn('python3', ['-u', '-c', program], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
    atEnd(t, () => kill(-child.pid));
    const answered = () => withDeadline(new Promise((resolve) => child.stdout.once('data', resolve)), 'the program to answer');
    await answered();
    await register(node, { name: 'a', session_id: 's', process_id: child.pid });
    const look = async () => {
        const d = await status(node, 's', '?strategy=comprehensive');
        assert.equal(d.headers['x-cache'], 'MISS');
        const [agent] = d.agents;
        assert.ok(Date.parse(d.collection_timestamp) - Date.parse(agent.memory_sampled_at) < 10_000 + d.collection_duration_ms);
        return agent;
    };
    const quiet = await waitUntil(async () => {
        const [first, second] = [await look(), await look()];
        return first.memory_sampled_at === second.memory_sampled_at && first.memory_mb === second.memory_mb && second;
    }, 'two looks between which nothing was touched');
    const touched = answered();
    child.stdin.write('more\n');
    await touched;
    const grown = await look();
    assert.ok(grown.memory_mb >= quiet.memory_mb + 31, `${quiet.memory_mb} and 32 MiB are ${grown.memory_mb}`);
    assert.ok(grown.memory_sampled_at > quiet.memory_sampled_at);
});

test('agents and sessions outlive the node, and each heartbeat counts from its start', async (t) => {
    const node = await startNode(t);
    await node.post('/api/v1/sessions', { id: 's', name: 'Kept' });
    const { id } = await register(node, { name: 'a', session_id: 's', period_s: 600, specialization: 'x' });
    await beat(node, id, { status: 'idle', terminal: 'pane 3' });
    await node.restart();
    const [agent] = (await node.get('/api/v1/agents')).json.agents.filter((a) => a.id === id);
    assert.deepEqual([agent.status, agent.terminal, agent.specialization, agent.origin, agent.period_s, agent.is_accessible], ['idle', 'pane 3', 'x', 'registered', 600, true]);
    assert.equal((await status(node, 's')).session_name, 'Kept');
    assert.equal((await node.post('/api/v1/sessions', { id: 's', name: 'Other' })).status, 409);
});

test('what does not fit is refused with a pointer, and unknown agents are 404', async (t) => {
    const node = await startNode(t);
    const refused = async (body, pointer) => {
        const answer = await node.post('/api/v1/agents', body);
        assert.equal(answer.status, 422, answer.text);
        assert.equal(answer.json.pointer, pointer);
    };
    await refused({ session_id: 's' }, '/name');
    await refused({ name: 'a' }, '/session_id');
    await refused({ name: 'a', session_id: 's', status: 'fine' }, '/status');
    await refused({ name: 'a', session_id: 's', process_id: -1 }, '/process_id');
    await refused({ name: 'a', session_id: 's', period_s: 0 }, '/period_s');
    assert.equal((await beat(node, 'agent-99', {})).status, 404);
    const { id } = await register(node, { name: 'a', session_id: 'auto' });
    assert.equal((await beat(node, id)).status, 200, 'a heartbeat needs no body');
    assert.equal((await beat(node, id, { status: 'fine' })).status, 422);
    assert.deepEqual((await node.get('/api/v1/sessions')).json.sessions.map((s) => s.id), ['auto'], 'an unknown session is made');
    const unnamed = await node.post('/api/v1/sessions', { name: 'No id' });
    assert.equal(unnamed.status, 201);
    assert.ok(unnamed.json.id.length > 0);
    assert.equal((await node.post('/api/v1/sessions', { id: 'auto', name: 'Now named' })).status, 201);
    assert.equal((await status(node, 'auto')).session_name, 'Now named');
});

test('a run of the queue is an agent while it lives, and its task is its session', async (t) => {
    const node = await startNode(t, { config: 'agent "sh" {\n command = { "sleep", "600" }\n env_pass = { "PATH" }\n}' });
    const task = (await node.post('/api/v1/tasks', { work_item: 'W-1' })).json;
    const job = (await node.post('/api/v1/jobs', { agent: 'sh', task_id: task.id })).json;
    const agent = await node.waitFor(async () => {
        const { agents } = (await node.get('/api/v1/agents')).json;
        const run = agents.find((a) => a.origin === 'run');
        return run?.pid && run;
    }, 'the run to be an agent');
    assert.equal(agent.name, 'sh');
    assert.equal(agent.session_id, `task-${task.id}`);
    const d = await status(node, `task-${task.id}`);
    assert.deepEqual([ids(d), d.agents[0].process_id, d.agents[0].is_accessible], [[agent.id], agent.pid, true]);
    assert.ok(d.agents[0].memory_mb > 0);
    await node.post(`/api/v1/jobs/${job.id}/cancel`);
    await node.waitFor(async () => !(await node.get('/api/v1/agents')).json.agents.some((a) => a.id === agent.id), 'the agent to be gone');
    assert.equal((await node.get(`/api/v1/sessions/task-${task.id}/status`)).status, 404);
});
