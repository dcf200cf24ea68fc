// cost-ledger.test.mjs -- what agents print of their cost beside what their transcripts say (spec 00, fact 5; issue 5).
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, shellAgent, waitJob } from '../lib/agents.mjs';
import { muster, startNode, temporaryFolder } from '../lib/node.mjs';
import { claudeLine } from '../lib/usage.mjs';

const openmetrics = { accept: 'application/openmetrics-text; version=1.0.0' };
const series = (text, line) => Number(new RegExp(`^${line.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);

// Prints what it is told to, and waits for a file.
const talker = shellAgent('printf "%s\\n" "$1"; until [ -e "$2" ]; do sleep 0.02; done; printf "%s\\n" "$3"', { name: 'claude' }).replace('output = "text"', 'output = "claude-stream-json"');

async function runAgent(node, dir, session, said, transcript) {
    const gate = path.join(dir, `gate-${session ?? 'none'}`);
    const init = JSON.stringify({ type: 'system', subtype: 'init', ...(session ? { session_id: session } : {}), model: 'claude-opus-4-5-20251101' });
    const { id } = await addJob(node, { agent: 'claude', args: [init, gate, JSON.stringify({ type: 'result', subtype: 'success', is_error: false, ...said })] });
    await waitJob(node, id, 'running');
    const [{ id: run }] = (await node.get(`/api/v1/runs?job_id=${id}`)).json.runs;
    await node.waitFor(async () => (await node.get(`/api/v1/runs/${run}`)).json.started_at, 'the run to have begun');
    transcript(new Date().toISOString());
    writeFileSync(gate, '');
    await waitJob(node, id, 'done');
    return run;
}

test('a run is shown as its agent printed it and as its transcript has it, with the drift; and so are the sums of the last', async (t) => {
    const dir = temporaryFolder(t, 'muster-cost-'), projects = path.join(dir, 'projects', '-w');
    mkdirSync(projects, { recursive: true });
    const node = await startNode(t, { config: talker, env: { CLAUDE_CONFIG_DIR: dir } });
    const write = (session, lines) => writeFileSync(path.join(projects, `${session}.jsonl`), lines.map((l) => `${JSON.stringify({ ...l, sessionId: session })}\n`).join(''));
    const usage = { input_tokens: 1000, output_tokens: 250, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
    const one = await runAgent(node, dir, 'aaaaaaaa-1', { session_id: 'aaaaaaaa-1', total_cost_usd: 0.0125, usage }, (now) => write('aaaaaaaa-1', [
        claudeLine({ input_tokens: 5, output_tokens: 5 }, { timestamp: '2026-11-01T10:00:00.000Z' }), // of an earlier run of this session
        claudeLine({ input_tokens: 600, output_tokens: 100 }, { timestamp: now }), claudeLine({ input_tokens: 400, output_tokens: 100 }, { timestamp: now }),
    ]));
    const { rows, ...facts } = (await node.get(`/api/v1/runs/${one}/cost`)).json;
    assert.deepEqual(facts, { run_id: one, session_id: 'aaaaaaaa-1', ended: true, messages: 2 });
    const by = Object.fromEntries(rows.map(({ name, ...row }) => [name, row]));
    // Opus 4.5: 5 USD per million in, 25 out: 1000 x 5 + 200 x 25 = 10000 micro-USD
    assert.deepEqual(by.cost_usd, { output: 0.0125, transcript: 0.01, telemetry: null, drift: 0.0025 });
    assert.deepEqual(by.output_tokens, { output: 250, transcript: 200, telemetry: null, drift: 50 });
    assert.deepEqual(by.input_tokens, { output: 1000, transcript: 1000, telemetry: null, drift: 0 });

    const silent = await runAgent(node, dir, 'bbbbbbbb-2', { total_cost_usd: 1, usage }, () => {});
    const without = (await node.get(`/api/v1/runs/${silent}/cost`)).json;
    assert.equal(without.messages, 0);
    assert.deepEqual(without.rows[0], { name: 'cost_usd', output: 1, transcript: null, telemetry: null, drift: null });
    const nameless = await runAgent(node, dir, null, { total_cost_usd: 1, usage }, () => {});
    assert.deepEqual((({ session_id, messages }) => [session_id, messages])((await node.get(`/api/v1/runs/${nameless}/cost`)).json), [null, null]);
    assert.equal((await node.get('/api/v1/runs/999/cost')).status, 404);

    assert.doesNotMatch((await node.get('/metrics', openmetrics)).text, /^muster_compared_runs\{/m, 'nothing is told before somebody has looked');
    await node.post('/api/admin/run-session-processor?processor=usage', {});
    const text = await node.waitFor(async () => {
        const { text: page } = await node.get('/metrics', openmetrics);
        return series(page, 'muster_compared_runs{transcript="found"}') === 1 && page;
    }, 'the sums over the last runs');
    assert.equal(series(text, 'muster_compared_runs{transcript="missing"}'), 1);
    assert.equal(series(text, 'muster_compared_tokens{source="output",kind="output"}'), 250);
    assert.equal(series(text, 'muster_compared_tokens{source="transcript",kind="output"}'), 200);
    assert.equal(series(text, 'muster_compared_cost_usd{source="output"}'), 0.0125);
    assert.equal(series(text, 'muster_compared_cost_usd{source="transcript"}'), 0.01);
    const { stdout } = await muster(['runs', 'cost', String(one)], { node });
    assert.match(stdout, /cost_usd +0\.0125 +0\.01 +- +0\.0025/);
});
