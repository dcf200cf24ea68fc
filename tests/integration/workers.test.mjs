// spec 40 W1-W10: the roll call, over the embedded bus.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusClient } from '../lib/bus-client.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { run, startNode } from '../lib/node.mjs';
import { waitUntil } from '../lib/wait.mjs';

const names = ['api', 'bus', 'collector', 'profiler', 'sniffer', 'mutator'];
const config = `workers = { ${names.map((name) => `"${name}"`).join(', ')} }\n`;
const now = () => Date.now() / 1000;

async function scene(t, options = {}) {
    const node = await startNode(t, { config, ...options });
    return { node, bus: await busOf(t, node) };
}
async function busOf(t, node) {
    const bus = await BusClient.open({ path: `${node.dir}/bus.sock` });
    atEnd(t, () => bus.close());
    return bus;
}
async function rows(node) {
    const answer = await node.get('/api/v1/workers');
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}
const row = async (node, name) => (await rows(node)).workers.find((r) => r.name === name);
const waitRow = (node, name, predicate, what) =>
    node.waitFor(async () => {
        const r = await row(node, name);
        return predicate(r) && r;
    }, `${name}: ${what}`);
const waitStatus = (node, name, status) => waitRow(node, name, (r) => r.status === status, status);

test('W1 the rows are those of the configuration, in its order, and no publisher adds one', async (t) => {
    const { node, bus } = await scene(t);
    const before = await rows(node);
    assert.deepEqual(before.workers.map((r) => r.name), names);
    assert.equal(before.bus_connected, true);
    assert.ok(!Number.isNaN(Date.parse(before.generated_at)));
    const unheard = before.workers.find((r) => r.name === 'collector');
    assert.deepEqual({ ...unheard, window_s: undefined, truncated: undefined, flapping: undefined }, {
        name: 'collector', status: 'unknown', last_heartbeat_ts: null, seconds_since: null, extra: {}, instance: null, restarts: null,
        window_s: undefined, truncated: undefined, flapping: undefined,
    });
    for (const name of ['rogue', 'Collector', 'collectors']) bus.beat(name, { worker: 'collector' });
    bus.publish('system.a.collector.health', {});
    await node.waitFor(async () => (await rows(node)).dropped.unknown_worker === 3, 'three beats counted as unknown');
    const after = await rows(node);
    assert.deepEqual(after.workers.map((r) => r.name), names);
    assert.equal(after.workers.find((r) => r.name === 'collector').status, 'unknown');
});

test('W1 an invalid or doubled name in the configuration is refused', async (t) => {
    for (const [list, pattern] of [['"a.b"', /no worker's name/], ['"*"', /no worker's name/], ['"x", "x"', /twice/]]) {
        const refused = await startNode(t, { config: `workers = { ${list} }\n` }).then(() => null, (error) => error);
        assert.match(refused?.message ?? 'it started', pattern);
    }
});

test('W2 W5 identity is the subject, and a row says what the last beat said', async (t) => {
    const { node, bus } = await scene(t);
    const ts = now();
    bus.beat('mutator', { worker: 'collector', ts, instance: 'i1', seq: 0, period_s: 20, queue: { depth: [1, null] } });
    const r = await waitStatus(node, 'mutator', 'ok');
    assert.equal((await row(node, 'collector')).status, 'unknown');
    assert.ok(Math.abs(r.last_heartbeat_ts - ts) < 1e-5);
    assert.ok(r.seconds_since >= 0);
    assert.deepEqual(r.extra, { instance: 'i1', seq: 0, period_s: 20, queue: { depth: [1, null] } });
    assert.deepEqual([r.instance, r.restarts, r.flapping, r.truncated, r.window_s], ['i1', 0, false, false, 60]);
});

test('W3 W10 ok becomes stale by itself and ok again, and each is told once, as it happens', async (t) => {
    const { node, bus } = await scene(t);
    await bus.subscribe('event.worker.status');
    const stream = await node.events('/api/v1/events?subject=event.worker.status');
    atEnd(t, () => stream.close());
    const mine = (events) => events.filter((e) => e.worker === 'sniffer').map((e) => `${e.previous}>${e.status}`);
    const expected = ['unknown>ok', 'ok>stale', 'stale>ok', 'ok>stale'];
    for (let i = 0; i < 2; i++) {
        for (let k = 0; k < 3; k++) bus.beat('sniffer', { period_s: 0.2 }); // several beats, one change
        // nobody reads the rows meanwhile: the change is told by a timer
        await waitUntil(() => mine(stream.events.map((e) => e.data)).length === 2 * i + 2, 'the worker to be stale');
    }
    assert.deepEqual(mine(stream.events.map((e) => e.data)), expected);
    await waitUntil(() => mine(bus.of('event.worker.status').map((m) => m.payload)).length === expected.length, 'the events on the bus');
    assert.deepEqual(mine(bus.of('event.worker.status').map((m) => m.payload)), expected);
    assert.equal((await row(node, 'sniffer')).status, 'stale');
});

test('W4 a beat dated an hour ahead from a worker that then dies is stale after its window', async (t) => {
    const { node, bus } = await scene(t);
    const beat = { ts: now() + 3600, period_s: 0.3 };
    bus.beat('profiler', beat);
    const first = await waitRow(node, 'profiler', (r) => r.status !== 'unknown', 'heard');
    assert.ok(first.seconds_since >= 0 && first.seconds_since < 60);
    await waitStatus(node, 'profiler', 'stale');
    bus.beat('profiler', beat); // nor does its replay bring it back
    await bus.flush();
    const r = await row(node, 'profiler');
    assert.equal(r.status, 'stale');
});

test('W4 a late beat is old, and an older one of the same instance replaces nothing', async (t) => {
    const { node, bus } = await scene(t);
    bus.beat('collector', { ts: now() - 1000, instance: 'a' });
    const late = await waitStatus(node, 'collector', 'stale');
    assert.ok(late.seconds_since >= 1000);
    const ts = now();
    bus.beat('collector', { ts, instance: 'a', n: 1 });
    await waitStatus(node, 'collector', 'ok');
    bus.beat('collector', { ts: ts - 500, instance: 'a', n: 2 });
    await node.waitFor(async () => (await rows(node)).dropped.older === 1, 'the older beat counted');
    const r = await row(node, 'collector');
    assert.deepEqual([r.status, r.extra.n], ['ok', 1]);
});

test('W4 time in which the node was stopped is charged to nobody', async (t) => {
    const { node, bus } = await scene(t);
    await bus.subscribe('event.worker.status');
    let seq = 0;
    const beats = setInterval(() => bus.beat('mutator', { ts: now(), instance: 'm', seq: seq++, period_s: 0.5 }), 100);
    atEnd(t, () => clearInterval(beats));
    await waitStatus(node, 'mutator', 'ok');
    node.kill('SIGSTOP');
    const at = seq;
    await waitUntil(() => seq >= at + 50, 'five seconds of beats that nobody reads'); // its window is 1.5 s
    node.kill('SIGCONT');
    const last = seq;
    await waitRow(node, 'mutator', (r) => r.extra.seq >= last, 'the beats that waited to be read');
    const told = bus.of('event.worker.status').map((m) => m.payload).filter((e) => e.worker === 'mutator');
    assert.deepEqual(told.map((e) => e.status), ['ok']);
});

test('W6 each kind of poison costs one counter, and the next good beat counts', async (t) => {
    const { node, bus } = await scene(t);
    const deep = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);
    const pad = JSON.stringify({ pad: 'x'.repeat(2 ** 20 - 20), after: 1 });
    const cases = [
        ['bad_ts', '{"ts":null}'], ['bad_ts', '{"ts":"abc"}'], ['bad_ts', '{"ts":[]}'], ['bad_ts', '{"ts":true}'], ['bad_ts', '{"ts":1e400}'],
        ['bad_ts', `{"ts":${'9'.repeat(400)}}`], ['bad_payload', '[1]'], ['bad_payload', '"x"'], ['bad_payload', 'null'], ['bad_payload', '{"ts":NaN}'],
        ['bad_payload', ''], ['bad_payload', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])], ['bad_payload', deep], ['truncated', pad],
    ];
    let n = 0;
    for (const [reason, payload] of cases) {
        const before = (await rows(node)).dropped;
        bus.beat('collector', payload);
        await node.waitFor(async () => (await rows(node)).dropped[reason] === before[reason] + 1, `${reason} for ${String(payload).slice(0, 20)}`);
        const after = (await rows(node)).dropped;
        assert.deepEqual({ ...after, [reason]: 0 }, { ...before, [reason]: 0 });
        if (reason !== 'bad_payload') assert.equal((await row(node, 'collector')).status, 'ok');
        bus.beat('collector', { ts: now(), n: ++n });
        await waitRow(node, 'collector', (r) => r.extra.n === n, 'the next good beat');
    }
});

test('W5 extra is bounded to 4 KiB and flagged, and what other readers choke on is not passed on', async (t) => {
    const { node, bus } = await scene(t);
    bus.beat('collector', { first: 1, pad: 'x'.repeat(5000), last: 2 });
    const r = await waitRow(node, 'collector', (x) => x.truncated, 'truncated');
    assert.deepEqual(r.extra, { first: 1, last: 2 });
    assert.ok(JSON.stringify(r.extra).length <= 4096);
    bus.beat('collector', '{"a":1e400,"b":"\\u0000\\ud800","c":123456789012345678901234567890}');
    const odd = await waitRow(node, 'collector', (x) => !x.truncated, 'taken');
    assert.deepEqual(odd.extra, { a: null, b: '\ufffd\ufffd', c: 123456789012345678901234567890 });
});

test('W7 three new instances within ten minutes are flapping; restarts count the changes', async (t) => {
    const { node, bus } = await scene(t);
    for (const [i, instance] of ['a', 'b', 'c', 'd'].entries()) {
        bus.beat('sniffer', { ts: now(), instance });
        const r = await waitRow(node, 'sniffer', (x) => x.instance === instance, instance);
        assert.deepEqual([r.restarts, r.status], [i, 'ok']);
        if (i !== 2) assert.equal(r.flapping, i > 2);
    }
    assert.equal((await row(node, 'collector')).flapping, false);
});

test('W9 the node\'s own rows are ok without an echo, and nobody can speak for them', async (t) => {
    const { node, bus } = await scene(t);
    const own = await waitStatus(node, 'api', 'ok');
    assert.equal(own.extra.pid, node.pid);
    await waitStatus(node, 'bus', 'ok');
    bus.beat('api', { state: 'stopping', instance: 'not-ours', ts: now() + 1 });
    await node.waitFor(async () => (await rows(node)).dropped.not_ours === 1, 'the stranger counted');
    assert.deepEqual([(await row(node, 'api')).status, (await row(node, 'api')).restarts], ['ok', 0]);
});

test('Heartbeats muster\'s own components beat at once on the bus, and their last word is stopping', async (t) => {
    const { node } = await scene(t);
    const bus = await busOf(t, node);
    await bus.subscribe('system.api.health');
    node.kill('SIGTERM');
    await node.waitExit();
    const [last] = bus.of('system.api.health').slice(-1).map((m) => m.payload);
    assert.equal(last.state, 'stopping');
    assert.equal(last.worker, 'api');
    assert.match(last.instance, /^[0-9a-f]{16}$/);
    assert.equal(last.period_s, 30);
    assert.ok(last.seq >= 1 && last.uptime_s >= 0 && Math.abs(last.ts - now()) < 600);
});

for (const end of ['stop', 'crash']) {
    test(`W9 rows survive a ${end} of the node, marked by their age`, async (t) => {
        const { node, bus } = await scene(t);
        const ts = now() - 5;
        bus.beat('collector', { ts: ts - 1, instance: 'a' });
        bus.beat('collector', { ts, instance: 'b', depth: 7 });
        bus.beat('mutator', { ts, period_s: 0.1 });
        const before = await waitRow(node, 'collector', (r) => r.instance === 'b', 'heard');
        // the rows have been saved when what is saved says so: a second's worth may be lost by a crash
        bus.beat('profiler', { ts });
        await waitStatus(node, 'profiler', 'ok');
        if (end === 'crash') await savedRows(node, 3);
        await node[end]();
        await node.start();
        const after = await row(node, 'collector');
        assert.deepEqual([after.status, after.instance, after.restarts, after.extra.depth], ['ok', 'b', 1, 7]);
        assert.equal(after.last_heartbeat_ts, before.last_heartbeat_ts);
        assert.ok(after.seconds_since >= 5, `${after.seconds_since}`);
        assert.equal((await row(node, 'mutator')).status, 'stale');
        assert.equal((await row(node, 'sniffer')).status, 'unknown');
    });
}
// A time namespace moves the boot clock as no wall clock does: ages of saved rows must not follow it.
test('W9 a boot clock that has another zero changes no age', async (t) => {
    const probe = await run(['unshare', '-T', '--boottime', '1', 'true'], { env: process.env }).catch((error) => ({ code: error.message }));
    if (probe.code !== 0) return t.skip('no time namespace can be made here');
    const { node, bus } = await scene(t, { wrapper: ['unshare', '-T', '--boottime', '360000', '--monotonic', '7200', '--'] });
    bus.beat('collector', { ts: now(), instance: 'a', period_s: 3600 });
    await waitStatus(node, 'collector', 'ok');
    await node.stop();
    await node.start({ wrapper: [] });
    const after = await row(node, 'collector');
    assert.equal(after.status, 'ok');
    assert.ok(after.seconds_since < 10_800, `${after.seconds_since}`); // its window; the offset is 100 h
    await waitStatus(node, 'api', 'ok');
    await node.restart({ wrapper: ['unshare', '-T', '--boottime', '360000', '--monotonic', '7200', '--'] });
    assert.equal((await row(node, 'collector')).status, 'ok');
});
async function savedRows(node, count) {
    const { DatabaseSync } = await import('node:sqlite').catch(() => ({}));
    if (DatabaseSync) {
        const db = new DatabaseSync(node.storePath, { readOnly: true });
        await waitUntil(() => db.prepare('SELECT count(*) AS n FROM workers WHERE heard').get().n >= count, 'saved rows');
        db.close();
        return;
    }
    await waitUntil(async () => {
        const { stdout } = await run(['sqlite3', `file:${node.storePath}?mode=ro`, "SELECT count(*) FROM workers WHERE name IN ('collector', 'mutator', 'profiler') AND heard"], { env: process.env });
        return Number(stdout) >= count;
    }, 'saved rows');
}

test('stop: 404 for an unknown name, 409 when nobody listens, 202 once it reached the worker, then stopping and stopped', async (t) => {
    const { node, bus } = await scene(t);
    const stop = (name) => node.post(`/api/v1/workers/${name}/stop`);
    assert.equal((await stop('nobody')).status, 404);
    assert.equal((await stop('collector')).status, 409);
    assert.equal((await stop('api')).status, 409);
    await bus.subscribe('event.worker.status');
    bus.beat('collector', { instance: 'a' });
    await waitStatus(node, 'collector', 'ok');
    const worker = await busOf(t, node);
    await worker.subscribe('system.collector.control');
    const answer = await stop('collector');
    assert.deepEqual([answer.status, answer.json], [202, { accepted: true, worker: 'collector', action: 'stop' }]);
    assert.equal((await row(node, 'collector')).status, 'stopping');
    await waitUntil(() => worker.messages.length === 1, 'the control message');
    const { action, requested_by: by, ts } = worker.messages[0].payload;
    assert.deepEqual([worker.messages[0].subject, action], ['system.collector.control', 'stop']);
    assert.match(by, /^uid:\d+$/);
    assert.ok(Math.abs(ts - now()) < 600);
    worker.beat('collector', { instance: 'a', state: 'stopping' });
    worker.close();
    await waitStatus(node, 'collector', 'stopped');
    await waitUntil(() => bus.of('event.worker.status').filter((m) => m.payload.worker === 'collector').length >= 3, 'the events');
    assert.deepEqual(bus.of('event.worker.status').map((m) => m.payload).filter((e) => e.worker === 'collector').map((e) => e.status),
        ['ok', 'stopping', 'stopped']);
});

test('stop: a viewer may read the roll call and stop nobody', async (t) => {
    const { node } = await scene(t);
    const { json } = await node.post('/api/v1/tokens', { name: 'v', role: 'viewer' });
    const authorization = { authorization: `Bearer ${json.token ?? json.secret}` };
    assert.equal((await node.get('/api/v1/workers', authorization)).status, 200);
    assert.equal((await node.post('/api/v1/workers/collector/stop', {}, authorization)).status, 403);
});

test('/metrics tells workers by status and each one\'s last heartbeat', async (t) => {
    const { node, bus } = await scene(t, { config: `${config}metrics { freshness = "0s" }\n` });
    const ts = 1795316645.5;
    bus.beat('collector', { ts });
    await waitStatus(node, 'collector', 'stale');
    const { text } = await node.get('/metrics', { accept: 'text/plain;version=0.0.4' });
    assert.match(text, /^muster_workers\{status="stale"\} 1$/m);
    assert.match(text, /^muster_workers\{status="unknown"\} 3$/m);
    assert.match(text, /^muster_worker_last_heartbeat_timestamp_seconds\{worker="collector"\} 1795316645\.5$/m);
    assert.match(text, /^muster_worker_ok\{worker="api"\} 1$/m);
    assert.doesNotMatch(text, /last_heartbeat_timestamp_seconds\{worker="mutator"\}/);
});
