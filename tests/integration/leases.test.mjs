// spec 20 Q5, Q9: external workers over HTTP.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addJob, job, waitJob } from '../lib/agents.mjs';
import { startNode } from '../lib/node.mjs';
import { stat } from '../lib/process.mjs';

const external = 'agent "ext" {\n max_attempts = 2\n backoff { base = "10ms" cap = "20ms" }\n}\nagent "other" { }\n';

async function lease(node, more = {}) {
    const answer = await node.post('/api/v1/jobs/lease', { worker: 'w1', agents: ['ext'], ...more });
    assert.equal(answer.status, 200, answer.text);
    return answer.json.jobs;
}

test('Q9 a worker leases a job, heartbeats, completes it with its usage', async (t) => {
    const node = await startNode(t, { config: external });
    const { id } = await addJob(node, { agent: 'ext', prompt: 'do it', repo: 'acme/api' });
    const [leased, ...rest] = await lease(node, { max: 5 });
    assert.equal(rest.length, 0);
    assert.equal(leased.id, id);
    assert.equal(leased.prompt, 'do it');
    assert.equal(leased.attempt, 1);
    assert.match(leased.lease_token, /.{16,}/);
    const beat = await node.post(`/api/v1/jobs/${id}/heartbeat`, { lease_token: leased.lease_token, lease_s: 60, input_tokens: 10 });
    assert.deepEqual([beat.status, beat.json.cancel, beat.json.quiet], [200, false, false]);
    const end = await node.post(`/api/v1/jobs/${id}/complete`, {
        lease_token: leased.lease_token, input_tokens: 100, output_tokens: 50, cost_usd: 0.25, model: 'm1',
    });
    assert.equal(end.status, 200);
    const done = await job(node, id);
    assert.equal(done.state, 'done');
    assert.equal(done.runs[0].cost_usd, 0.25);
    assert.equal(done.runs[0].origin, 'worker');
    const { cost } = (await node.get('/metrics')).json;
    assert.deepEqual([cost.aggregate.runs, cost.aggregate.cost_usd, cost.aggregate.input_tokens, cost.aggregate.output_tokens], [1, 0.25, 100, 50]);
});

test('Q5 a stale token changes nothing and gets 409', async (t) => {
    const node = await startNode(t, { config: external });
    const { id } = await addJob(node, { agent: 'ext' });
    const [first] = await lease(node);
    assert.equal((await node.post(`/api/v1/jobs/${id}/fail`, { lease_token: first.lease_token, error: 'no' })).status, 200);
    const again = await node.waitFor(async () => (await lease(node))[0], 'the second attempt');
    assert.equal(again.id, id);
    assert.notEqual(again.lease_token, first.lease_token);
    for (const word of ['heartbeat', 'complete', 'fail']) {
        const answer = await node.post(`/api/v1/jobs/${id}/${word}`, { lease_token: first.lease_token });
        assert.equal(answer.status, 409, word);
        assert.equal(answer.json.pointer, '/lease_token');
    }
    assert.equal((await job(node, id)).state, 'running');
    assert.equal((await node.post(`/api/v1/jobs/${id}/complete`, { lease_token: again.lease_token })).status, 200);
    assert.equal((await node.post(`/api/v1/jobs/${id}/complete`, { lease_token: again.lease_token })).status, 409);
    assert.equal((await node.post('/api/v1/jobs/999/complete', { lease_token: 'x' })).status, 404);
});

test('Q9 a lease that ends without a word returns the job; on the last attempt it fails with "lease expired"', async (t) => {
    const node = await startNode(t, { config: `poll_interval = "50ms"\n${external}` });
    const { id } = await addJob(node, { agent: 'ext' });
    assert.equal((await lease(node, { lease_s: 1 })).length, 1);
    const [second] = await node.waitFor(async () => {
        const jobs = await lease(node, { lease_s: 1 });
        return jobs.length && jobs;
    }, 'the job to come back');
    assert.equal(second.id, id);
    assert.equal(second.attempt, 2);
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.cause, 'lease expired');
    assert.equal((await node.get('/metrics')).json.queue.retries.exhausted, 1);
});

test('Q9 a lease waits for a job, and no longer than asked', async (t) => {
    const node = await startNode(t, { config: external });
    const waiting = lease(node, { wait_s: 30 });
    const other = lease(node, { agents: ['other'], wait_s: 1 });
    const { id } = await addJob(node, { agent: 'ext' });
    assert.equal((await waiting)[0].id, id);
    assert.deepEqual(await other, []);
    assert.deepEqual(await lease(node, {}), [], 'without wait_s the answer comes at once');
});

test('Q9 the answer to a heartbeat tells the worker to cancel, and to be quiet', async (t) => {
    const node = await startNode(t, { config: external });
    const { id } = await addJob(node, { agent: 'ext' });
    const [leased] = await lease(node);
    assert.equal((await node.post(`/api/v1/jobs/${id}/cancel`)).status, 202);
    await node.post('/api/v1/queue/pause');
    const beat = await node.post(`/api/v1/jobs/${id}/heartbeat`, { lease_token: leased.lease_token });
    assert.deepEqual([beat.json.cancel, beat.json.quiet], [true, true]);
    assert.equal((await node.post(`/api/v1/jobs/${id}/fail`, { lease_token: leased.lease_token })).status, 200);
    assert.equal((await job(node, id)).state, 'cancelled');
});

test('leases live on over kill -9 of the node', async (t) => {
    const node = await startNode(t, { config: external });
    const { id } = await addJob(node, { agent: 'ext' });
    const [leased] = await lease(node, { lease_s: 600 });
    await node.crash();
    await node.start();
    assert.equal((await node.get('/metrics')).json.queue.counts.running, 1);
    assert.equal((await node.post(`/api/v1/jobs/${id}/complete`, { lease_token: leased.lease_token })).status, 200);
    assert.equal((await job(node, id)).state, 'done');
});

test('M9 an agent of a worker shows its ticks by the pid it reported; a reused pid gives null', async (t) => {
    const node = await startNode(t, { config: `${external}metrics { freshness = "0s" }` });
    const { id } = await addJob(node, { agent: 'ext' });
    const [leased] = await lease(node, { lease_s: 600 });
    const self = stat(process.pid);
    const beat = (ticks) => node.post(`/api/v1/jobs/${id}/heartbeat`, { lease_token: leased.lease_token, lease_s: 600, pid: process.pid, start_ticks: ticks });
    assert.equal((await beat(self.startTicks)).status, 200);
    const agent = (await node.get('/metrics')).json.agents[0];
    assert.equal(agent.pid, process.pid);
    assert.ok(agent.cpu_ticks > 0 && agent.rss_bytes > 0);
    assert.equal((await beat(self.startTicks + 1)).status, 200);
    const reused = (await node.get('/metrics')).json.agents[0];
    assert.deepEqual([reused.cpu_ticks, reused.rss_bytes], [null, null]);
});

test('two workers never hold one job', async (t) => {
    const node = await startNode(t, { config: external });
    const ids = new Set();
    for (let i = 0; i < 40; i++) ids.add((await addJob(node, { agent: 'ext' })).id);
    const got = [];
    await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
        for (;;) {
            const jobs = await lease(node, { worker: `w${worker}`, max: 3 });
            if (jobs.length === 0) return;
            for (const one of jobs) {
                got.push(one.id);
                assert.equal((await node.post(`/api/v1/jobs/${one.id}/complete`, { lease_token: one.lease_token })).status, 200);
            }
        }
    }));
    assert.deepEqual(got.sort((a, b) => a - b), [...ids].sort((a, b) => a - b));
});
