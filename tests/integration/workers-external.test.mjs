// spec 40 W8: the roll call over an external bus that comes late, dies and comes back.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import net from 'node:net';
import { test } from 'node:test';
import { BusClient } from '../lib/bus-client.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { startNode } from '../lib/node.mjs';
import { kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const freePort = () => new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address();
        probe.close(() => resolve(port));
    });
});
async function natsServer(t, port) {
    const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    const server = { gone: false, kill: () => kill(child.pid) };
    child.on('exit', () => (server.gone = true));
    child.on('error', () => (server.gone = true));
    atEnd(t, () => server.kill());
    await waitUntil(async () => {
        assert.equal(server.gone, false);
        const client = await BusClient.open({ port });
        client.close();
        return true;
    }, 'nats-server to serve');
    return server;
}
// A worker that beats for as long as its connection stands.
async function worker(t, port, name, beat) {
    const client = await BusClient.open({ port });
    let seq = 0;
    const timer = setInterval(() => !client.closed && client.beat(name, { ...beat, seq: seq++ }), 100);
    atEnd(t, () => {
        clearInterval(timer);
        client.close();
    });
    return client;
}
const list = async (node) => (await node.get('/api/v1/workers')).json;
const row = async (node, name) => (await list(node)).workers.find((r) => r.name === name);

test('W8 rows recover by themselves: node before bus, bus killed and back; bus_connected is the truth', async (t) => {
    const port = await freePort();
    const node = await startNode(t, { config: `workers = { "api", "bus", "crawler" }\nbus { url = "nats://127.0.0.1:${port}" }\n` });
    assert.equal((await list(node)).bus_connected, false);
    assert.equal((await row(node, 'api')).status, 'ok'); // needs no bus
    assert.notEqual((await row(node, 'bus')).status, 'ok');
    assert.equal((await node.post('/api/v1/workers/crawler/stop')).status, 503);
    assert.equal((await node.post('/api/v1/workers/nobody/stop')).status, 404);

    for (let round = 0; round < 2; round++) {
        const server = await natsServer(t, port);
        await worker(t, port, 'crawler', { instance: 'one', period_s: 0.3 });
        await node.waitFor(async () => (await row(node, 'crawler')).status === 'ok', 'the row to recover', 30_000);
        assert.equal((await list(node)).bus_connected, true);
        assert.equal((await node.post('/api/v1/workers/crawler/stop')).status, 409);
        server.kill();
        await node.waitFor(async () => (await list(node)).bus_connected === false, 'bus_connected to say so');
        assert.equal((await node.post('/api/v1/workers/crawler/stop')).status, 503);
        await node.waitFor(async () => (await row(node, 'crawler')).status === 'stale', 'the row to be stale');
        assert.equal((await row(node, 'api')).status, 'ok');
    }
    assert.equal((await row(node, 'crawler')).restarts, 0);
    await node.stop();
});
