// spec 20 Q12: the node and the shim are killed at any moment; nothing is lost, counted twice or started twice.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, countLines, job, shellAgent, sleeper, waitJob } from '../lib/agents.mjs';
import { muster, startNode } from '../lib/node.mjs';
import { alive, kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const rounds = Number(process.env.MUSTER_CRASH_ROUNDS ?? 50);

const often = 'max_attempts = 1 breaker { failures = 32 window = "1ms" }';

// Every job that was sent: run once to its end, with its own exit code, started once; and the books agree.
async function assertBookedOnce(node, expected) {
    for (const [id, { code, file }] of expected) {
        const ended = await waitJob(node, id, ['done', 'failed'], 60_000);
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
}

// Each agent waits at a pipe until it is let go, so that at the moment of the kill all 20 are known to live.
test(`kill -9 of the node with 20 live runs, ${rounds} rounds: each booked once with its exit code, none started twice`, { timeout: 1_800_000 }, async (t) => {
    const script = 'echo started >> "$1"; read line < "$2"; exit "$3"';
    const node = await startNode(t, { config: 'max_concurrency = 20\nmetrics { freshness = "0s" }\n' + shellAgent(script, { more: often }) });
    const expected = new Map();
    for (let round = 0; round < rounds; round++) {
        const gate = path.join(node.dir, `gate-${round}`);
        execFileSync('mkfifo', [gate]);
        const files = [];
        for (let i = 0; i < 20; i++) {
            const code = i % 5 === 0 ? 10 + i : 0;
            const file = path.join(node.dir, `started-${round}-${i}`);
            const { id } = await addJob(node, { agent: 'sh', args: [file, gate, String(code)] });
            expected.set(id, { code, file });
            files.push(file);
        }
        await node.waitFor(() => files.every((file) => existsSync(file)), '20 agents to live', 60_000);
        assert.equal((await node.get('/metrics')).json.queue.counts.running, 20);
        await node.crash();
        // They end while no node is there, or under the next one.
        if (round % 2) await node.start();
        const writer = openSync(gate, constants.O_RDWR);
        writeSync(writer, '\n'.repeat(20));
        if (round % 2 === 0) await node.start();
        await node.waitFor(async () => (await node.get('/metrics')).json.queue.counts.running === 0, 'all to be booked', 60_000);
        closeSync(writer);
    }
    await assertBookedOnce(node, expected);
});

const moments = Math.min(rounds, 21);
test(`kill -9 of the node at ${moments} moments, from "just queued" to "some have ended": each booked once, none started twice`, { timeout: 1_200_000 }, async (t) => {
    const node = await startNode(t, { config: 'max_concurrency = 64\n' + shellAgent(sleeper, { more: often }) });
    const expected = new Map();
    for (let started = 0; started < moments; started++) {
        for (let i = 0; i < 20; i++) {
            const code = i % 5 === 0 ? 10 + i : 0;
            const file = path.join(node.dir, `started-${started}-${i}`);
            const { id } = await addJob(node, { agent: 'sh', args: [file, String(0.05 + 0.03 * i), String(code)] });
            expected.set(id, { code, file });
        }
        await waitUntil(() => [...expected.values()].slice(-20).filter((one) => existsSync(one.file)).length >= started, `${started} agents to start`);
        await node.crash();
        await node.start();
    }
    await assertBookedOnce(node, expected);
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
