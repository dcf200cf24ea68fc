// spec 40 Heartbeats: `muster beat` and `muster workers`, the roll call from a shell.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { BusClient } from '../lib/bus-client.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { binary, environmentFor, muster, startNode } from '../lib/node.mjs';
import { alive, children, kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const config = 'workers = { "api", "backup", "crawler" }\n';

async function scene(t) {
    const node = await startNode(t, { config });
    const bus = await BusClient.open({ path: `${node.dir}/bus.sock` });
    atEnd(t, () => bus.close());
    await bus.subscribe('system.*.health');
    return { node, bus };
}
const beats = (bus, name) => bus.of(`system.${name}.health`).map((m) => m.payload);
const row = async (node, name) => (await node.get('/api/v1/workers')).json.workers.find((r) => r.name === name);

// `muster beat …` that goes on: { child, end: Promise<{ code, signal }>, stderr }
function start(t, node, args) {
    const child = spawn(binary, ['beat', ...args], { env: environmentFor(node.dir, { MUSTER_CONFIG: node.configPath }), stdio: ['ignore', 'pipe', 'pipe'] });
    const running = { child, stderr: '', stdout: '' };
    child.stderr.on('data', (text) => (running.stderr += text));
    child.stdout.on('data', (text) => (running.stdout += text));
    running.end = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    atEnd(t, () => kill(child.pid));
    return running;
}

test('the command runs in the foreground and its exit code is passed through', async (t) => {
    const { node, bus } = await scene(t);
    const ran = await muster(['beat', 'backup', '--', 'sh', '-c', 'cat; echo "out $1"; echo err >&2; exit 7', 'sh', '--period'], { node, input: 'in ' });
    assert.deepEqual([ran.code, ran.stdout, ran.stderr], [7, 'in out --period\n', 'err\n']);
    assert.deepEqual((await muster(['beat', 'backup', '--', 'sh', '-c', 'kill -9 $$'], { node })).code, 137);
    const missing = await muster(['beat', 'backup', '--', '/nonexistent'], { node });
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /\/nonexistent cannot be started/);
    assert.equal((await muster(['beat', 'backup', '--', '/etc/passwd'], { node })).code, 126);
    await waitUntil(() => beats(bus, 'backup').some((b) => b.exit_code === 7 && b.state === 'stopping'), 'the last word with the exit code');
});

test('it beats at once, each period without drift, and says stopping at the end', async (t) => {
    const { node, bus } = await scene(t);
    const running = start(t, node, ['backup', '--period', '200ms', '--extra', 'depth=3', '--extra', 'ratio=0.5', '--extra', 'step=copy files', '--', 'sleep', '1000']);
    await waitUntil(() => beats(bus, 'backup').length >= 12, 'twelve beats');
    const r = await row(node, 'backup');
    assert.deepEqual([r.status, r.extra.depth, r.extra.ratio, r.extra.step, r.window_s], ['ok', 3, 0.5, 'copy files', 0.6]);
    const [command] = children(running.child.pid);
    running.child.kill('SIGTERM'); // passed on
    assert.deepEqual(await running.end, { code: 143, signal: null });
    assert.equal(alive(command.pid, command.startTicks), false);
    await waitUntil(() => beats(bus, 'backup').at(-1).state === 'stopping', 'the last word');
    const sent = beats(bus, 'backup');
    assert.equal(new Set(sent.map((b) => b.instance)).size, 1);
    assert.deepEqual(sent.map((b) => b.seq), sent.map((_, i) => i));
    // beat k is due at start + k × 0.2 s, and late ones do not move the others: where in its period each was sent
    const due = sent.slice(1, -1).map((b) => Math.floor(b.uptime_s / 0.2));
    assert.deepEqual(due, [...new Set(due)], 'two beats in one period');
    await node.waitFor(async () => (await row(node, 'backup')).status === 'stopped', 'the row says stopped');
});

test('without a command it beats until it is interrupted', async (t) => {
    const { node, bus } = await scene(t);
    const running = start(t, node, ['crawler']);
    await waitUntil(() => beats(bus, 'crawler').length === 1, 'the first beat');
    running.child.kill('SIGINT');
    assert.deepEqual(await running.end, { code: 0, signal: null });
    await waitUntil(() => beats(bus, 'crawler').length === 2, 'the last word');
    assert.deepEqual([beats(bus, 'crawler')[1].state, beats(bus, 'crawler')[0].period_s], ['stopping', 30]);
});

test('without a bus the command runs all the same, and beats when the bus is there', async (t) => {
    const { node } = await scene(t);
    const none = await muster(['beat', 'backup', '--bus', 'nats://127.0.0.1:1', '--', 'sh', '-c', 'exit 3'], { node });
    assert.equal(none.code, 3);
    await node.stop();
    const running = start(t, node, ['backup', '--period', '200ms', '--', 'sleep', '1000']);
    await waitUntil(() => running.stderr.includes('no heartbeat is sent'), 'it says so');
    await node.start();
    await node.waitFor(async () => (await row(node, 'backup')).status === 'ok', 'the row is ok');
    await node.crash();
    await node.start();
    await node.waitFor(async () => (await row(node, 'backup')).extra.seq > 0 && (await row(node, 'backup')).status === 'ok', 'the row is ok again');
    assert.equal((await row(node, 'backup')).restarts, 0);
    running.child.kill('SIGTERM');
    assert.equal((await running.end).code, 143);
});

test('muster workers stop ends the command; garbage on the control subject does not', async (t) => {
    const { node, bus } = await scene(t);
    const running = start(t, node, ['crawler', '--', 'sleep', '1000']);
    await waitUntil(() => beats(bus, 'crawler').length >= 1, 'a beat');
    for (const payload of ['["x"]', '{"action":"STOP"}', '{"action":"start"}', '', '{']) bus.publish('system.crawler.control', payload);
    bus.publish('system.backup.control', '{"action":"stop"}'); // somebody else's
    await bus.flush();
    assert.equal((await muster(['workers', 'stop', 'backup'], { node })).code, 1);
    const asked = await muster(['workers', 'stop', 'crawler'], { node });
    assert.equal(asked.code, 0, asked.stderr);
    assert.deepEqual(await running.end, { code: 143, signal: null });
    assert.match(running.stderr, /asked to stop over the bus/);
    await node.waitFor(async () => (await row(node, 'crawler')).status === 'stopped', 'the row says stopped');
});

test('a command that ignores TERM is still waited for, and its row says stopping', async (t) => {
    const { node } = await scene(t);
    const running = start(t, node, ['crawler', '--period', '30s', '--', 'sh', '-c', 'trap "" TERM; echo up; while :; do sleep 0.1; done']);
    await waitUntil(() => running.stdout.includes('up'), 'the command');
    await node.waitFor(async () => (await row(node, 'crawler')).status === 'ok', 'ok');
    const { code } = await muster(['workers', 'stop', 'crawler'], { node });
    assert.equal(code, 0);
    assert.equal((await row(node, 'crawler')).status, 'stopping');
    const [command] = children(running.child.pid);
    assert.equal(alive(command.pid, command.startTicks), true);
    kill(command.pid);
    assert.equal((await running.end).code, 137);
});

test('what is wrong on the command line is said before anything runs', async (t) => {
    const { node } = await scene(t);
    for (const args of [['has.dot'], ['a*b'], ['x', '--period', '0s'], ['x', '--period', 'soon'], ['x', '--extra', 'novalue'], ['x', '--extra', 'ts=1'], ['x', '--bus', 'http://x'], []]) {
        const { code, stderr } = await muster(['beat', ...args, ...(args.length ? ['--', 'echo', 'ran'] : [])], { node });
        assert.equal(code, 2, args.join(' '));
        assert.match(stderr, /^muster beat: /);
    }
});

test('muster workers shows the roll call as a table and as JSON', async (t) => {
    const { node, bus } = await scene(t);
    bus.beat('crawler', { instance: 'i\u001b[31m', period_s: 60 });
    await node.waitFor(async () => (await row(node, 'crawler')).status === 'ok', 'ok');
    const { stdout } = await muster(['workers'], { node });
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0], /^WORKER\s+STATUS\s+SINCE\s+RESTARTS\s+FLAPPING\s+INSTANCE/);
    assert.deepEqual(lines.slice(1).map((line) => line.split(/\s+/).slice(0, 2)), [['api', 'ok'], ['backup', 'unknown'], ['crawler', 'ok']]);
    assert.doesNotMatch(stdout, /\u001b\[31m/);
    const { stdout: json } = await muster(['workers', '--json'], { node });
    assert.deepEqual(JSON.parse(json).workers.map((r) => r.name), ['api', 'backup', 'crawler']);
});
