// An external nats-server as the node's bus: it may be late, die, come back, or be cut off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawBus, client, freePort, startNatsServer } from '../lib/bus.mjs';
import { farEnd } from '../lib/netns.mjs';
import { startNode } from '../lib/node.mjs';
import { waitUntil } from '../lib/wait.mjs';

const health = async (node) => (await node.get('/bus/healthz')).status;
const connected = (node, ms) => waitUntil(async () => (await health(node)) === 200, 'the node to be connected', ms);
const cutOff = (node, ms) => waitUntil(async () => (await health(node)) === 503, 'the node to notice', ms);

let tasks = 0;
// The node's events arrive at a client of the external server.
async function eventsArrive(t, node, port) {
    const raw = await RawBus.open(t, port, 'CONNECT {"verbose":false}\r\nSUB event.task.stage 1\r\n');
    await raw.settle();
    await waitUntil(async () => {
        await node.post('/api/v1/tasks', { work_item: `w${tasks++}`, repo: 'r' });
        return raw.text.includes('MSG event.task.stage 1 ');
    }, 'an event on the external bus');
}

test('a node starts before its external bus, connects when that is there, and comes back each time it is', async (t) => {
    const port = await freePort();
    const node = await startNode(t, { env: { MUSTER_BUS_URL: `nats://127.0.0.1:${port}` } });
    assert.match(node.log, new RegExp(`ready listen=\\S+ bus=nats://127\\.0\\.0\\.1:${port} `));
    assert.equal(await health(node), 503);
    assert.equal((await node.get('/bus/varz')).status, 404);
    let server = await startNatsServer(t, { port });
    await connected(node, 30_000);
    await eventsArrive(t, node, port);
    for (let round = 0; round < 2; round++) {
        await server.stop(round ? 'SIGTERM' : 'SIGKILL');
        await cutOff(node);
        server = await startNatsServer(t, { port });
        await connected(node, 30_000);
        await eventsArrive(t, node, port);
    }
    await node.stop();
});

test('credentials reach the external bus and no log, and the last word of the bus is that it stops', async (t) => {
    const server = await startNatsServer(t, { args: ['--user', 'muster', '--pass', 'secret-of-the-bus'] });
    const node = await startNode(t, { env: { MUSTER_BUS_URL: `nats://muster:secret-of-the-bus@127.0.0.1:${server.port}` } });
    await connected(node);
    const nc = await client(t, server.port, { user: 'muster', pass: 'secret-of-the-bus' }), beats = [];
    nc.subscribe('system.bus.health', { callback: (_, m) => beats.push(m.json()) });
    await nc.flush();
    await node.stop();
    await waitUntil(() => beats.at(-1)?.state === 'stopping', 'the last beat');
    assert.equal(beats.at(-1).worker, 'bus');
    assert.ok(!node.log.includes('secret-of-the-bus'));
});

test('a wrong token is said, and the node serves all the same', async (t) => {
    const server = await startNatsServer(t, { args: ['--auth', 'right-token-of-the-bus'] });
    const node = await startNode(t, { env: { MUSTER_BUS_URL: `nats://127.0.0.1:${server.port}`, MUSTER_BUS_TOKEN: 'wrong-token-of-the-bus' } });
    await node.waitLog(/bus/);
    assert.equal(await health(node), 503);
    assert.equal((await node.get('/api/v1/status')).status, 200);
    await node.stop();
});

test('a network that is cut is noticed, and the node comes back when it is whole again', async (t) => {
    const far = await farEnd(t);
    if (!far) return t.skip('NOT TESTED: needs root and network namespaces');
    const port = await freePort();
    await startNatsServer(t, { port, args: ['-a', far.address], wrapper: far.wrapper });
    const node = await startNode(t, { env: { MUSTER_BUS_URL: `nats://${far.address}:${port}` } });
    await connected(node, 30_000);
    assert.ok(await far.cut());
    await cutOff(node, 60_000); // no packet says so: two pings without an answer do
    assert.ok(await far.heal());
    await connected(node, 60_000);
    await node.stop();
});
