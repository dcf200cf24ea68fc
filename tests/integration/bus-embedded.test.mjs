// The embedded bus: who may do what, its limits, what it does with who does not read, its socket, its end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { RawBus, client, startNatsServer } from '../lib/bus.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { build, prepareNode, root, run, startNode } from '../lib/node.mjs';
import { privateBytes } from '../lib/process.mjs';
import { waitUntil, withDeadline } from '../lib/wait.mjs';

const OPENMETRICS = { accept: 'application/openmetrics-text; version=1.0.0' };
const fresh = 'metrics { freshness = "0s" }\n';
const counter = async (node, name, reason) => {
    const { text } = await node.get('/metrics', OPENMETRICS);
    return Number(text.split('\n').find((l) => l.startsWith(`muster_${name}_total${reason ? `{reason="${reason}"}` : ''} `))?.split(' ')[1]);
};
const varz = async (node) => (await node.get('/bus/varz')).json;

// Runs a script of node as another user, who is nobody here.  Its lines arrive as text.
async function asNobody(t, port, bytes, until) {
    const script = `const s = require('net').connect(${port}, '127.0.0.1'); let seen = ''; s.on('data', (d) => { seen += d; if (seen.includes(${JSON.stringify(until)})) { process.stdout.write(seen); process.exit(0); } }); s.on('close', () => { process.stdout.write(seen); process.exit(0); }); s.write(${JSON.stringify(bytes)});`;
    const { stdout, stderr, code } = await withDeadline(run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script], { cwd: '/', env: { PATH: process.env.PATH } }), 'the other user', 30_000);
    assert.equal(code, 0, stderr);
    return stdout.replace(/^INFO .*?\r\n/, '');
}

test('spec 40 B2: a subject with a wildcard, an empty token or a space gets Invalid Subject, and the connection goes on', async (t) => {
    const node = await startNode(t, { config: fresh });
    const raw = await RawBus.open(t, node.busPort, 'CONNECT {"verbose":false}\r\nSUB > 1\r\n');
    for (const subject of ['a.*', 'a.>', '>', 'a..b', '.a', 'a.', 'a b c', 'a\x01']) {
        const before = raw.afterInfo.length;
        raw.send(`PUB ${subject} 1\r\nx\r\n`);
        await raw.settle();
        assert.equal(raw.afterInfo.slice(before).replace(/MSG system\.bus[^]*?\}\r\n/, '').replace('PONG\r\n', ''), "-ERR 'Invalid Subject'\r\n", subject);
    }
    assert.equal(await counter(node, 'bus_refused', 'invalid_subject'), 8);
});

test('spec 40 B5: without a token our own user may everything, another local user only beat and tell', { skip: process.getuid() !== 0 && 'needs root to become somebody else' }, async (t) => {
    const node = await startNode(t, { config: fresh });
    const own = await RawBus.open(t, node.busPort, 'CONNECT {"verbose":false}\r\nSUB system.collector.> 1\r\nSUB event.> 2\r\nSUB secret 3\r\n');
    await own.settle();
    const answer = await asNobody(t, node.busPort,
        'CONNECT {"verbose":false}\r\nPUB system.collector.control 1\r\nx\r\nPUB system.collector.health 2\r\nok\r\nPUB event.mine 2\r\nok\r\nPUB secret 1\r\nx\r\n' +
        'PUB system.collector.health system.collector.control 1\r\nx\r\nSUB secret 1\r\nSUB > 2\r\nSUB system.collector.control 3\r\nPING\r\n', 'PONG');
    assert.deepEqual(answer.split('\r\n').filter((l) => l.startsWith('-ERR')), [
        '-ERR \'Permissions Violation for Publish to "system.collector.control"\'',
        '-ERR \'Permissions Violation for Publish to "secret"\'',
        '-ERR \'Permissions Violation for Publish with Reply to "system.collector.control"\'',
        '-ERR \'Permissions Violation for Subscription to "secret"\'',
        '-ERR \'Permissions Violation for Subscription to ">"\'',
    ]);
    await own.waitText('MSG event.mine 2 2\r\nok\r\n');
    own.send('PUB system.collector.control 4\r\nmine\r\n');
    assert.equal((await own.settle()).replace(/MSG event[^]*?\r\n[^]*?\r\n/g, ''), 'MSG system.collector.health 1 2\r\nok\r\nMSG system.collector.control 1 4\r\nmine\r\n');
    assert.equal(await counter(node, 'bus_refused', 'publish_permission'), 3);
    assert.equal(await counter(node, 'bus_refused', 'subscribe_permission'), 2);
    // The same limits on the Unix socket, whoever it says it is.
    const other = await run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e',
        `process.exit(require('fs').existsSync(${JSON.stringify(node.socket)}) ? 0 : 0)`], { cwd: '/', env: { PATH: process.env.PATH } });
    assert.equal(other.code, 0);
});

test('spec 40 B5: users with passwords have the permissions of their blocks', async (t) => {
    const node = await startNode(t, {
        config: 'bus_user "sensor" {\n password = "pw-of-the-sensor"\n publish = { "data.>" }\n subscribe = { "control.sensor" }\n}\nbus_user "boss" {\n password = "pw-of-the-boss"\n}\n',
    });
    const as = (user, pass) => RawBus.open(t, node.busPort, `CONNECT ${JSON.stringify({ verbose: false, user, pass })}\r\n`);
    const boss = await as('boss', 'pw-of-the-boss');
    boss.send('SUB data.> 1\r\n');
    await boss.settle();
    const sensor = await as('sensor', 'pw-of-the-sensor');
    sensor.send('SUB control.sensor 1\r\nSUB control.* 2\r\nPUB data.x 1\r\na\r\nPUB control.sensor 1\r\nb\r\n');
    assert.equal(await sensor.settle(), '-ERR \'Permissions Violation for Subscription to "control.*"\'\r\n-ERR \'Permissions Violation for Publish to "control.sensor"\'\r\n');
    assert.equal(await boss.settle(), 'MSG data.x 1 1\r\na\r\n');
    const wrong = await as('sensor', 'pw-of-the-boss');
    await wrong.waitClosed();
    assert.equal(wrong.afterInfo, "-ERR 'Authorization Violation'\r\n");
    await (await client(t, node.busPort, { user: 'sensor', pass: 'pw-of-the-sensor' })).flush();
});

test('spec 40 B5: more than loopback is refused without a token, and served with one', async (t) => {
    const node = prepareNode(t, { env: { MUSTER_BUS_LISTEN: '0.0.0.0:0' } });
    node.launch();
    assert.equal((await node.waitExit()).code, 1);
    assert.match(node.log, /bus\.listen = \\?"0\.0\.0\.0:0\\?" is not loopback and no token is configured/);
    await node.start({ env: { MUSTER_BUS_LISTEN: '0.0.0.0:0', MUSTER_BUS_TOKEN: 'a-token-of-the-bus' } });
    await (await client(t, node.busPort, { token: 'a-token-of-the-bus' })).flush();
});

test('spec 40 B1: what the embedded bus does not have is refused in clear words', async (t) => {
    const node = await startNode(t);
    for (const [bytes, words] of [
        ['CONNECT {"tls_required":true}\r\n', /^-ERR 'TLS Not Supported by the embedded bus/],
        ['CONNECT {"jwt":"eyJ","sig":"x"}\r\n', /^-ERR 'Accounts, JWT And NKeys Not Supported/],
        ['CONNECT {"verbose":false}\r\nRS+ $G foo\r\n', /^-ERR 'Clusters And Leaf Nodes Not Supported/],
        ['CONNECT {"verbose":false,"no_responders":true}\r\n', /^-ERR 'No Responders Requires Headers Support'/],
        ['CONNECT {"verbose":false}\r\nHPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n', /^-ERR 'Message Headers Not Supported'/],
        ['CONNECT nonsense\r\n', /^-ERR 'Parser Error'/],
        ['CONNECT {"verbose":"yes"}\r\n', /^-ERR 'Parser Error'/],
    ]) {
        const raw = await RawBus.open(t, node.busPort, bytes);
        await raw.waitClosed();
        assert.match(raw.afterInfo, words);
    }
    const raw = await RawBus.open(t, node.busPort, 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB _INBOX.1 1\r\nPUB $JS.API.INFO _INBOX.1 0\r\n\r\n');
    assert.equal(await raw.settle(), "-ERR 'JetStream Not Supported by the embedded bus: name a nats-server in bus.url'\r\nHMSG _INBOX.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
});

test('spec 40 B4: limits are announced, hold, and are counted', async (t) => {
    const node = await startNode(t, {
        config: fresh,
        env: { MUSTER_BUS_LISTEN: '127.0.0.1:0', MUSTER_BUS_MAX_PAYLOAD: '2K', MUSTER_BUS_MAX_CONTROL_LINE: '512', MUSTER_BUS_MAX_CONNECTIONS: '3', MUSTER_BUS_MAX_SUBSCRIPTIONS: '2' },
    });
    const raw = await RawBus.open(t, node.busPort);
    assert.equal(raw.info.max_payload, 2048);
    raw.send(`SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB a 2048\r\n${'x'.repeat(2048)}\r\n`);
    assert.equal(await raw.settle(), `-ERR 'maximum subscriptions exceeded'\r\nMSG a 1 2048\r\n${'x'.repeat(2048)}\r\n`);
    const [, , third] = [0, await RawBus.open(t, node.busPort), await RawBus.open(t, node.busPort)];
    await third.settle();
    const fourth = await RawBus.open(t, node.busPort);
    await fourth.waitClosed();
    assert.match(fourth.afterInfo, /^-ERR 'maximum connections exceeded'/);
    third.send('PUB a 2049\r\n');
    await third.waitClosed();
    assert.equal(third.afterInfo.replace('PONG\r\n', ''), "-ERR 'Maximum Payload Violation'\r\n");
    for (const [name, reason] of [['bus_refused', 'max_subscriptions'], ['bus_dropped_clients', 'connections'], ['bus_dropped_clients', 'max_payload']])
        assert.equal(await counter(node, name, reason), 1, reason);
});

test('spec 40 B4: who does not answer two pings is dropped as stale, who answers stays', async (t) => {
    const node = await startNode(t, { config: fresh, env: { MUSTER_BUS_LISTEN: '127.0.0.1:0', MUSTER_BUS_PING_INTERVAL: '200ms' } });
    const alive = await client(t, node.busPort), silent = await RawBus.open(t, node.busPort);
    await silent.waitClosed();
    assert.equal(silent.afterInfo, "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
    assert.equal(await counter(node, 'bus_dropped_clients', 'stale'), 1);
    await alive.flush();
    assert.equal(alive.isClosed(), false);
});

// Reads "flood" as it comes and keeps nothing: whether the numbers that messages begin with come in order.
async function countingReader(t, port) {
    const state = { next: 0, wrong: null, closed: false };
    const head = 'MSG flood 1 1008\r\n', length = head.length + 1008 + 2;
    const socket = net.connect(port, '127.0.0.1').on('error', () => {}).on('close', () => (state.closed = true));
    atEnd(t, () => socket.destroy());
    await withDeadline(new Promise((resolve) => {
        let rest = Buffer.alloc(0), ready = false;
        socket.on('data', (data) => {
            rest = rest.length ? Buffer.concat([rest, data]) : data;
            if (!ready && rest.includes('PONG\r\n')) {
                rest = rest.subarray(rest.indexOf('PONG\r\n') + 6);
                ready = true;
                resolve();
            }
            while (ready && rest.length >= length) {
                const start = rest.toString('latin1', 0, head.length + 8);
                if (start !== head + String(state.next).padStart(8, '0')) state.wrong ??= `${start} instead of number ${state.next}`;
                state.next++;
                rest = rest.subarray(length);
            }
        }).write('CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n');
    }), 'PONG');
    return state;
}

test('spec 40 B4: a stalled subscriber is dropped as a slow consumer, memory stays bounded, others get everything in order', async (t) => {
    const node = await startNode(t, { config: fresh, env: { MUSTER_BUS_LISTEN: '127.0.0.1:0', MUSTER_BUS_MAX_PENDING: '8M' } });
    const reader = await countingReader(t, node.busPort);
    const stalled = net.connect(node.busPort, '127.0.0.1');
    stalled.on('error', () => {});
    atEnd(t, () => stalled.destroy());
    let seen = '';
    await withDeadline(new Promise((resolve) => stalled.on('data', (d) => { seen += d.toString('latin1'); if (seen.includes('PONG')) resolve(); }).on('connect', () => stalled.write('CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n'))), 'PONG');
    stalled.pause();
    const count = 60_000, body = 'x'.repeat(1000);
    const message = (i) => String(i).padStart(8, '0') + body;
    const before = privateBytes(node.pid);
    const writer = net.connect(node.busPort, '127.0.0.1');
    atEnd(t, () => writer.destroy());
    writer.write('CONNECT {"verbose":false}\r\n');
    let most = 0;
    for (let i = 0; i < count; i += 500) {
        const part = Array.from({ length: 500 }, (_, k) => `PUB flood 1008\r\n${message(i + k)}\r\n`).join('');
        if (!writer.write(part)) await withDeadline(new Promise((resolve) => writer.once('drain', resolve)), 'the bus to read on', 60_000);
        if (i % 5000 === 0) most = Math.max(most, privateBytes(node.pid) - before);
    }
    await waitUntil(() => reader.next === count || reader.wrong || reader.closed, 'the reader to have it all', 120_000);
    assert.deepEqual({ ...reader }, { next: count, wrong: null, closed: false });
    assert.equal((await varz(node)).slow_consumers, 1);
    assert.equal(await counter(node, 'bus_dropped_clients', 'slow_consumer'), 1);
    // What waits for two clients is at most 8 MiB each; as much again for blocks half used and sanitizers' shadows.
    assert.ok(process.env.ASAN_OPTIONS !== undefined && process.env.MUSTER_TEST_SLOWNESS > 1 || most < 48 << 20, `${most} bytes`);
    stalled.on('data', (d) => (seen = (seen + d.toString('latin1')).slice(-100)));
    stalled.resume();
    await waitUntil(() => stalled.closed, 'the end of the connection');
});

test('spec 40 B6: shutdown is on time with a stalled client, and everybody hears that it ends', async (t) => {
    const node = await startNode(t);
    const reader = await RawBus.open(t, node.busPort, 'CONNECT {"verbose":false,"protocol":1}\r\nSUB flood 1\r\n');
    await reader.settle();
    const stalled = net.connect(node.busPort, '127.0.0.1').on('error', () => {});
    atEnd(t, () => stalled.destroy());
    await withDeadline(new Promise((resolve) => stalled.once('data', resolve)), 'INFO');
    stalled.pause();
    stalled.write('CONNECT {"verbose":false}\r\nSUB flood 1\r\n');
    await waitUntil(async () => (await varz(node)).subscriptions >= 2, 'both subscriptions');
    const writer = await RawBus.open(t, node.busPort);
    const chunk = `PUB flood 100000\r\n${'x'.repeat(100_000)}\r\n`.repeat(20);
    await waitUntil(async () => {
        writer.send(chunk);
        await writer.settle();
        return (await node.get('/bus/connz')).json.connections.some((c) => c.pending_bytes > 1_000_000);
    }, 'something to wait for the stalled one', 60_000);
    await node.stop(); // within the deadline of the test's own, or it fails
    await reader.waitClosed();
    assert.match(reader.text, /INFO \{[^\r]*"ldm":true[^\r]*\}\r\n/);
    assert.match(node.log, /node: stopped/);
    assert.doesNotMatch(node.log, /takes too long/);
});

test('spec 40 B6: the path of a live bus is never stolen, a stale one is replaced, and closing leaves a foreign one', async (t) => {
    const node = await startNode(t, { config: fresh });
    const where = path.join(node.dir, 'bus.sock');
    const raw = await RawBus.open(t, { socketPath: where }, 'CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 1\r\nx\r\n');
    assert.equal(await raw.settle(), 'MSG a 1 1\r\nx\r\n');
    const thief = prepareNode(t, { env: { MUSTER_BUS_SOCKET: where } });
    thief.launch();
    assert.equal((await thief.waitExit()).code, 1);
    assert.match(thief.log, /another process serves/);
    raw.send('PUB a 1\r\ny\r\n');
    await raw.waitText('MSG a 1 1\r\ny\r\n');
    await node.crash(); // leaves the path
    assert.ok(existsSync(where));
    await node.start();
    const inode = statSync(where).ino;
    await node.stop();
    assert.ok(!existsSync(where), `inode ${inode}`);
});

test('the usual port in use is waited for, one that was configured and is taken is fatal', async (t) => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.on('listening', resolve));
    atEnd(t, () => new Promise((resolve) => holder.close(resolve)));
    const node = prepareNode(t, { env: { MUSTER_BUS_LISTEN: `127.0.0.1:${holder.address().port}` } });
    node.launch();
    assert.equal((await node.waitExit()).code, 1);
    assert.match(node.log, /cannot listen on 127\.0\.0\.1:\d+: Address already in use/);
});

test('monitoring has the shape of nats-server, the ready line the address, and the bus beats', async (t) => {
    const node = await startNode(t);
    const peer = await startNatsServer(t, { args: ['-m', '-1'] }).catch(() => null);
    assert.ok(peer);
    assert.match(node.log, new RegExp(`ready listen=\\S+ bus=127\\.0\\.0\\.1:${node.busPort} `));
    const nc = await client(t, node.busPort, { name: 'a-worker' });
    nc.subscribe('x.*');
    nc.publish('x.y', Buffer.from('12345'));
    await nc.flush();
    const v = await varz(node);
    for (const key of ['server_id', 'version', 'host', 'port', 'max_connections', 'max_payload', 'max_control_line', 'max_pending', 'ping_interval', 'ping_max', 'auth_timeout', 'start', 'now', 'uptime', 'connections', 'total_connections', 'subscriptions', 'slow_consumers', 'in_msgs', 'out_msgs', 'in_bytes', 'out_bytes'])
        assert.notEqual(v[key], undefined, key);
    assert.deepEqual([v.in_msgs, v.out_msgs, v.in_bytes, v.out_bytes, v.connections], [1, 1, 5, 5, 1]);
    const { connections } = (await node.get('/bus/connz?subs=1')).json;
    assert.deepEqual([connections[0].name, connections[0].lang, connections[0].subscriptions_list], ['a-worker', 'nats.js', ['x.*']]);
    assert.deepEqual([connections[0].ip, connections[0].uid], ['127.0.0.1', process.getuid()]);
    assert.ok((await node.get('/bus/subsz')).json.num_subscriptions >= 1);
    assert.deepEqual((await node.get('/bus/healthz')).json, { status: 'ok' });
    const late = await RawBus.open(t, node.busPort, 'CONNECT {"verbose":false}\r\nSUB system.*.health 1\r\n');
    await late.waitText('MSG system.bus.health 1 ');
    await waitUntil(() => late.text.match(/MSG system\.bus\.health 1 \d+\r\n(\{.*\})\r\n/), 'a beat');
    const beat = JSON.parse(late.text.match(/MSG system\.bus\.health 1 \d+\r\n(\{.*\})\r\n/)[1]);
    assert.deepEqual([beat.worker, beat.pid, beat.period_s], ['bus', node.pid, 10]);
    assert.ok(beat.uptime_s > 0 && Math.abs(beat.ts - Date.now() / 1000) < 60 && /^[0-9a-f]{16}$/.test(beat.instance));
    await node.stop();
    assert.match(late.text, /"state":"stopping"/);
});

test("spec 40 B7: the node's events are on the bus, and what a client publishes there is not the node's word", async (t) => {
    const node = await startNode(t, { config: 'agent "bench" { }\n' });
    const nc = await client(t, node.busPort), got = [];
    nc.subscribe('event.>', { callback: (_, m) => got.push([m.subject, m.json()]) });
    await nc.flush();
    const stream = await node.events('/api/v1/events?subject=event.>');
    atEnd(t, () => stream.close());
    nc.publish('event.job.state', Buffer.from('{"job_id":1,"to":"forged"}'));
    await nc.flush();
    await node.post('/api/v1/tasks', { work_item: 'w', repo: 'r' });
    await node.post('/api/v1/jobs', { agent: 'bench', prompt: 'p' });
    await waitUntil(() => got.some(([s]) => s === 'event.task.stage') && got.filter(([s]) => s === 'event.job.state').length >= 2, 'both events on the bus');
    await stream.waitFor((e) => e.event === 'event.job.state', 'the event of the job');
    assert.ok(!JSON.stringify(stream.events).includes('forged'));
    assert.deepEqual(got.find(([s]) => s === 'event.task.stage')[1], stream.events.find((e) => e.event === 'event.task.stage').data);
});

test('muster events follows the node across a restart', async (t) => {
    const node = await startNode(t);
    const child = spawn(path.join(build, 'muster'), ['events', '--json', '--subject', 'event.task.*', '--config', node.configPath], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, HOME: node.dir } });
    atEnd(t, () => child.kill('SIGKILL'));
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    let n = 0;
    const another = async () => {
        await node.post('/api/v1/tasks', { work_item: `w${n++}`, repo: 'r' });
        return out.includes('event.task.stage');
    };
    await waitUntil(another, 'an event printed');
    assert.equal(JSON.parse(out.split('\n')[0]).data.to, 'new');
    out = '';
    await node.restart();
    await waitUntil(another, 'an event of the next node', 30_000);
});

test('a program with libnats works unchanged', async (t) => {
    const node = await startNode(t);
    const { code, stdout, stderr } = await withDeadline(run([path.join(build, 'nats_client'), String(node.busPort)], { cwd: root, env: process.env }), 'the program', 60_000);
    assert.equal(code, 0, stdout + stderr);
    const peer = await startNatsServer(t);
    const same = await withDeadline(run([path.join(build, 'nats_client'), String(peer.port)], { cwd: root, env: process.env }), 'the program', 60_000);
    assert.equal(same.stdout, stdout);
});
