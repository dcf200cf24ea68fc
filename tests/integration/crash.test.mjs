// spec 20 Q12: the node and the shim are killed at any moment; nothing is lost, counted twice or started twice.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, countLines, job, shellAgent, sleeper, waitJob } from '../lib/agents.mjs';
import { muster, startNode } from '../lib/node.mjs';
import { alive, kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const rounds = Number(process.env.MUSTER_CRASH_ROUNDS ?? 50);

test(`kill -9 of the node with 20 live runs, ${rounds} rounds: each booked once with its exit code, none started twice`, { timeout: 1_200_000 }, async (t) => {
    const config = 'max_concurrency = 64\n' + shellAgent(sleeper, { more: 'max_attempts = 1 breaker { failures = 32 window = "1ms" }' });
    const node = await startNode(t, { config });
    const expected = new Map();
    for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < 20; i++) {
            const code = i % 5 === 0 ? 10 + i : 0;
            const file = path.join(node.dir, `started-${round}-${i}`);
            const { id } = await addJob(node, { agent: 'sh', args: [file, String(0.05 + 0.03 * i), String(code)] });
            expected.set(id, { code, file });
        }
        // Another moment in each round: from "just queued" to "some have ended".
        const started = round % 21;
        await waitUntil(() => [...expected.values()].slice(-20).filter((one) => existsSync(one.file)).length >= started, `${started} agents to start`);
        await node.crash();
        await node.start();
    }
    for (const [id, { code, file }] of expected) {
        const ended = await waitJob(node, id, ['done', 'failed']);
        assert.equal(ended.state, code === 0 ? 'done' : 'failed', `job ${id}: ${JSON.stringify(ended)}`);
        const real = ended.runs.filter((run) => run.outcome === 'exited');
        assert.equal(real.length, 1, `job ${id} has one run that started: ${JSON.stringify(ended.runs)}`);
        assert.equal(real[0].exit_code, code);
        assert.equal(countLines(file), 1, `job ${id} was started once`);
    }
    const { queue, cost } = (await node.get('/metrics')).json;
    assert.equal(queue.counts.done + queue.counts.failed, expected.size);
    assert.equal(queue.counts.queued + queue.counts.running, 0);
    assert.ok(cost.aggregate.runs >= expected.size);
    await node.stop();
    const doctor = await muster(['doctor'], { node });
    assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr);
});

test('results that come while the node is away are booked when it is back', async (t) => {
    const node = await startNode(t, { config: shellAgent(sleeper, { more: 'max_attempts = 1' }) });
    const file = path.join(node.dir, 'started');
    const { id } = await addJob(node, { agent: 'sh', args: [file, '0.2', '42'] });
    await waitUntil(() => existsSync(file), 'the agent to start');
    await node.crash();
    const runs = path.join(node.dataDir, 'runs');
    await waitUntil(() => readdirSync(runs).some((key) => existsSync(path.join(runs, key, 'result'))), 'the shim to write the result');
    await node.start();
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.runs[0].exit_code, 42);
});

test('kill -9 of the shim: cause shim lost, and nothing of the run survives', async (t) => {
    const script = 'setsid sh -c \'echo $$ > "$0.child"; sleep 1000\' "$1" & (setsid setsid sleep 1001 &) ; echo $$ > "$1"; sleep 1000';
    const node = await startNode(t, { config: shellAgent(script, { more: 'max_attempts = 1' }) });
    const file = path.join(node.dir, 'pid');
    const { id } = await addJob(node, { agent: 'sh', args: [file] });
    await waitUntil(() => existsSync(`${file}.child`) && existsSync(file) && readFileSync(`${file}.child`, 'utf8').length > 0, 'the agent and its child');
    const running = await node.waitFor(async () => {
        const now = await job(node, id);
        return now.runs[0]?.shim_pid && now;
    }, 'the shim to be known');
    const before = node.runProcesses().map((one) => one.pid);
    assert.ok(before.length >= 4, `shim, agent, two children: ${before}`);
    kill(running.runs[0].shim_pid, 'SIGKILL');
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.cause, 'shim lost');
    for (const pid of before) assert.ok(!alive(pid), `process ${pid} is gone`);
});

test('kill -9 of node and shim together: the next node finds it', async (t) => {
    const node = await startNode(t, { config: shellAgent('echo $$ > "$1"; sleep 1000', { more: 'max_attempts = 1' }) });
    const file = path.join(node.dir, 'pid');
    const { id } = await addJob(node, { agent: 'sh', args: [file] });
    const running = await node.waitFor(async () => {
        const now = await job(node, id);
        return now.runs[0]?.shim_pid && existsSync(file) && now;
    }, 'the shim to be known');
    const agent = Number(readFileSync(file, 'utf8'));
    await node.crash();
    kill(running.runs[0].shim_pid, 'SIGKILL');
    await node.start();
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.cause, 'shim lost');
    assert.ok(!alive(agent));
});

test('a cancel that was asked for before the crash is carried out after it', async (t) => {
    const node = await startNode(t, { config: shellAgent('trap "" TERM; echo $$ > "$1"; while :; do sleep 1; done', { more: 'stop { signal = "TERM" grace = "1s" }' }) });
    const file = path.join(node.dir, 'pid');
    const { id } = await addJob(node, { agent: 'sh', args: [file] });
    await waitUntil(() => existsSync(file) && Number(readFileSync(file, 'utf8')), 'the agent to start');
    assert.equal((await node.post(`/api/v1/jobs/${id}/cancel`)).status, 202);
    await node.crash();
    await node.start();
    await waitJob(node, id, 'cancelled');
    assert.ok(!alive(Number(readFileSync(file, 'utf8'))));
});
