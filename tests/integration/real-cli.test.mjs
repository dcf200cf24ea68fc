// spec 20 Q14: the real agent CLIs from npm as runs, against a model server that the test owns.  What each must have used
// is arithmetic: requests answered × the mock's usage.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, job, waitJob } from '../lib/agents.mjs';
import { MockModel, usage } from '../lib/mock-model.mjs';
import { startNode, temporaryFolder } from '../lib/node.mjs';
import { alive, tree } from '../lib/process.mjs';
import { absent, claude, claudeJson, codex, gemini, geminiJson } from '../lib/realcli.mjs';

// Gemini ends with the HTTP status modulo 256: 173 is 429.
const limits = { gemini: 'exit { rate_limited = { "173" } }', 'gemini-json': 'exit { rate_limited = { "173" } }' };

async function nodeWith(t, subject, options = {}) {
    const mock = await MockModel.start(t, options);
    const dir = temporaryFolder(t);
    const more = `max_attempts = 1\n    ${limits[subject.name] ?? ''}`;
    const home = subject.homeOf(dir), env = { HOME: home, CODEX_HOME: path.join(home, '.codex'), CLAUDE_CONFIG_DIR: path.join(home, '.claude') };
    const node = await startNode(t, { config: subject.profileConf(dir, mock.url, { more }), env });
    return { mock, node, dir };
}

function expectedUsage(mock) {
    const n = mock.answered;
    return { input_tokens: n * (usage.input - usage.cached), output_tokens: n * usage.output, cache_read_tokens: n * usage.cached };
}

function assertUsage(actual, expected, what) {
    for (const [kind, tokens] of Object.entries(expected)) assert.equal(actual[kind], tokens, `${what}: ${kind}`);
}

// What it printed and what its transcript says are the same, and both are right.
async function assertNoDrift(node, run, expected) {
    const { json } = await node.get(`/api/v1/runs/${run}/cost`);
    for (const [kind, tokens] of Object.entries(expected))
        assert.deepEqual(json.rows.find((r) => r.name === kind), { name: kind, output: tokens, transcript: tokens, telemetry: null, drift: 0 }, JSON.stringify(json));
}

const ended = (node, id) => waitJob(node, id, ['done', 'failed', 'cancelled'], 60_000);
// The tool says that it runs: the words of its command are in the agent's own argv as well.
const untilFile = (file) => `<<touch ${file}.begun; while [ ! -e ${file} ]; do sleep 0.05; done>>`;
const begun = (file) => existsSync(`${file}.begun`);

for (const subject of [codex, claude, claudeJson, gemini, geminiJson]) {
    const skip = absent(subject) ?? false;

    test(`${subject.name}: a job with a tool call is done, and its tokens are what the model server counted`, { skip }, async (t) => {
        const { mock, node, dir } = await nodeWith(t, subject);
        const proof = path.join(dir, 'tool-ran');
        const { id } = await addJob(node, { agent: subject.name, prompt: `dummy SC_TOOL <<touch ${proof}>>` });
        const done = await ended(node, id);
        assert.equal(done.state, 'done', JSON.stringify(done) + node.log);
        assert.ok(existsSync(proof), 'the tool ran');
        assert.equal(mock.answered, 2);
        assertUsage(done.runs[0], expectedUsage(mock), 'the run');
        assertUsage((await node.get('/metrics')).json.cost.aggregate, expectedUsage(mock), 'cost.aggregate');
        await assertNoDrift(node, done.runs[0].id, expectedUsage(mock));
    });

    test(`${subject.name}: where the model server says that the limit is reached, the attempt is given back`, { skip }, async (t) => {
        const { mock, node } = await nodeWith(t, subject);
        const { id } = await addJob(node, { agent: subject.name, prompt: 'dummy SC_LIMIT' });
        const waiting = await node.waitFor(async () => {
            const now = await job(node, id);
            return now.runs.some((run) => run.ended_at !== null) && now;
        }, 'the run to end', 60_000);
        assert.equal(waiting.state, 'queued', JSON.stringify(waiting));
        assert.equal(waiting.attempts, 0);
        assert.ok(Date.parse(waiting.run_after) > Date.now(), 'it waits for the limit to pass');
        assert.equal(mock.answered, 0);
    });
}

test('codex: while its tool runs, /metrics shows one agent with the figures of its whole tree', { skip: absent(codex) ?? false }, async (t) => {
    const { node, dir } = await nodeWith(t, codex);
    const go = path.join(dir, 'go');
    const { id } = await addJob(node, { agent: 'codex', prompt: `dummy SC_TOOL ${untilFile(go)}` });
    await node.waitFor(() => begun(go), 'the tool to run below the agent', 60_000);
    const { agents, cost } = await node.waitFor(async () => {
        const { json } = await node.get('/metrics');
        return json.agents[0]?.rss_bytes > 50e6 && json; // codex alone takes more; a snapshot may be a moment old
    }, 'the memory of codex');
    assert.equal(agents.length, 1);
    assert.ok(agents[0].cpu_ticks > 0);
    assert.equal(cost.running[0].input_tokens, null, 'codex says nothing before the turn ends: unknown is null');
    writeFileSync(go, '');
    assert.equal((await ended(node, id)).state, 'done');
    await node.waitFor(async () => (await node.get('/metrics')).json.agents.length === 0, 'no agent in /metrics');
});

test('claude: tokens are in cost.running while it runs, cost.aggregate has its own total afterwards', { skip: absent(claude) ?? false }, async (t) => {
    const { mock, node, dir } = await nodeWith(t, claude);
    const go = path.join(dir, 'go');
    const { id } = await addJob(node, { agent: 'claude', prompt: `dummy SC_TOOL ${untilFile(go)}` });
    const live = await node.waitFor(async () => {
        const [first] = (await node.get('/metrics')).json.cost.running;
        return first?.input_tokens && first;
    }, 'live tokens', 60_000);
    assert.equal(live.input_tokens, usage.input - usage.cached);
    assert.equal(live.cache_read_tokens, usage.cached);
    writeFileSync(go, '');
    const done = await ended(node, id);
    assert.equal(done.state, 'done');
    const { aggregate } = (await node.waitFor(async () => {
        const { json } = await node.get('/metrics');
        return json.cost.running.length === 0 && json;
    }, 'cost.running to be empty')).cost;
    assertUsage(aggregate, expectedUsage(mock), 'cost.aggregate');
    assert.ok(aggregate.cost_usd > 0, 'the cost that claude states');
    assert.equal(aggregate.cost_usd, done.runs[0].cost_usd);
});

test('codex: cancel ends the agent and the tool that runs in a session of its own', { skip: absent(codex) ?? false }, async (t) => {
    const { node, dir } = await nodeWith(t, codex);
    const never = path.join(dir, 'never');
    const { id } = await addJob(node, { agent: 'codex', prompt: `dummy SC_TOOL ${untilFile(never)}` });
    const family = await node.waitFor(async () => {
        const [first] = (await node.get('/metrics')).json.agents;
        return first?.pid && begun(never) && tree(first.pid);
    }, 'the tool to run', 60_000);
    const { status } = await node.post(`/api/v1/jobs/${id}/cancel`);
    assert.ok(status === 200 || status === 202);
    assert.equal((await ended(node, id)).state, 'cancelled');
    for (const s of family) assert.ok(!alive(s.pid, s.startTicks), `${s.comm} (${s.pid}) is gone`);
});
