// The HTTP surface of the real program: hosts, framing, limits and deadlines as configured, each refusal in /metrics, and
// the description that it gives of itself.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startNode, temporaryFolder } from '../lib/node.mjs';
import { RawConnection, request } from '../lib/http.mjs';

const OPENMETRICS = { accept: 'application/openmetrics-text; version=1.0.0' };

async function refusals(node, reason) {
    const { text } = await node.get('/metrics', OPENMETRICS);
    const line = text.split('\n').find((l) => l.startsWith(`muster_http_refused_total{reason="${reason}"}`));
    assert.ok(line, `no counter for ${reason} in ${text.slice(0, 200)}`);
    return Number(line.split(' ')[1]);
}

const fresh = 'metrics { freshness = "0s" }'; // each GET /metrics counts anew
const answers = (raw) => raw.text.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
const problemOf = (text) => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));

test('requests that mean two things are refused, counted by reason, and do not hurt the next one', async (t) => {
    const node = await startNode(t, { config: fresh });
    const json = 'Content-Type: application/json\r\n';
    const post = (fields, body = '') => `POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n${json}${fields}\r\n${body}`;
    const probes = [
        ['Content-Length with Transfer-Encoding', post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400, 'content_length'],
        ['two Content-Lengths', post('Content-Length: 2\r\nContent-Length: 3\r\n', '{}'), 400, 'content_length'],
        ['Content-Length: +4', post('Content-Length: +4\r\n', '{}{}'), 400, 'malformed'],
        ['a space before the colon', 'GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n', 400, 'malformed'],
        ['a folded line', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n c\r\n\r\n', 400, 'malformed'],
        ['NUL in a value', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: b\0c\r\n\r\n', 400, 'malformed'],
        ['NUL in the target', 'GET /healthz%00 HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'malformed'],
        ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400, 'host'],
        ['a foreign Host', 'GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n', 421, 'host'],
        ['64 KB of header', `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ${'x'.repeat(65536)}\r\n\r\n`, 431, 'header_too_large'],
        ['a body over 1 MiB', post('Content-Length: 1048577\r\n'), 413, 'body_too_large'],
        ['no JSON', 'POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}', 415, 'media_type'],
        ['a foreign Origin', post('Origin: http://evil.example\r\nContent-Length: 2\r\n', '{}'), 403, 'origin'],
        ['a wrong token', 'GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n\r\n', 401, 'unauthorized'],
    ];
    for (const [what, bytes, status, reason] of probes) {
        const before = await refusals(node, reason);
        assert.equal((await node.sendRaw(bytes)).status, status, what);
        assert.equal(await refusals(node, reason), before + 1, what);
    }
    assert.equal((await node.get('/metrics')).json.queue.counts.queued, 0);
});

test('the deadlines are those of the configuration, and a node with slow clients serves the others', async (t) => {
    const node = await startNode(t, { config: `http { header_timeout = "300ms" total_timeout = "600ms" }\n${fresh}` });
    const slow = await node.openRaw();
    slow.write('GET /healthz HTTP/1.1\r\nHo');
    const body = await node.openRaw();
    body.write('POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{');
    assert.equal((await node.get('/healthz')).status, 200);
    await slow.waitStatus();
    await body.waitStatus();
    assert.deepEqual(slow.statuses, [408]);
    assert.deepEqual(body.statuses, [408]);
    assert.equal(problemOf(slow.text).status, 408);
    await slow.waitClosed();
    await body.waitClosed();
    assert.equal(await refusals(node, 'header_deadline'), 1);
    assert.equal(await refusals(node, 'total_deadline'), 1);
});

test('connections over the limit are refused and the others keep working', async (t) => {
    const node = await startNode(t, { config: 'http { max_connections = 8 max_connections_per_address = 4 }' });
    const held = [];
    for (let i = 0; i < 4; i++) held.push(await node.openRaw());
    for (const raw of held) raw.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    for (const raw of held) await raw.waitStatus();
    const extra = await node.openRaw();
    await extra.waitStatus();
    assert.deepEqual(extra.statuses, [429]);
    assert.match(extra.text, /\r\nRetry-After: \d+\r\n/);
    for (const raw of held) raw.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    for (const raw of held) await node.waitFor(() => answers(raw) === 2, 'the second answer');
    assert.equal((await node.socketRequest('GET', '/healthz')).status, 200); // the Unix socket counts by user
    for (const raw of held) raw.destroy();
});

test('further hosts are those of the configuration', async (t) => {
    const node = await startNode(t, { config: 'hosts = { "node.example" }' });
    const status = async (host) => (await node.sendRaw(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status;
    assert.equal(await status('node.example'), 200);
    assert.equal(await status(`node.example:${node.port}`), 200);
    assert.equal(await status('other.example'), 421);
});

test('the Unix socket takes any host and any user may connect to it', async (t) => {
    const node = await startNode(t);
    assert.equal(statSync(node.socket).mode & 0o777, 0o666);
    const raw = await RawConnection.open({ socketPath: node.socket });
    raw.write('GET /api/v1/status HTTP/1.1\r\nHost: whatever\r\n\r\n');
    await raw.waitStatus();
    assert.deepEqual(raw.statuses, [200]);
    raw.destroy();
});

test('ids, tags and compression', async (t) => {
    const node = await startNode(t);
    const first = await node.get('/openapi.json', { 'x-request-id': 'mine-1' });
    assert.equal(first.headers['x-request-id'], 'mine-1');
    assert.match((await node.get('/nowhere')).headers['x-request-id'], /^[\w.-]{8,64}$/);
    assert.equal((await node.get('/openapi.json', { 'if-none-match': first.headers.etag })).status, 304);
    const packed = await node.get('/openapi.json', { 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.ok(packed.bytes.length < first.bytes.length / 2);
});

test('every route that openapi.json lists answers, and none with 500', async (t) => {
    const node = await startNode(t);
    const { json } = await node.get('/openapi.json');
    assert.match(json.openapi, /^3\.1\./);
    const seen = [];
    for (const [pattern, methods] of Object.entries(json.paths)) {
        for (const method of Object.keys(methods)) {
            if (pattern.endsWith('/events')) continue; // has no end
            const path = pattern.replaceAll(/\{[^}]+\}/g, '999999');
            const { status } = await node.request(method.toUpperCase(), path, method === 'get' ? undefined : '{}', { 'content-type': 'application/json' });
            assert.ok((status < 500 && status !== 405) || (pattern === '/api/admin/run-corporate-memory' && status === 503) /* no endpoint is configured */, `${method} ${path}: ${status}`);
            seen.push(pattern);
        }
    }
    assert.ok(seen.includes('/metrics') && seen.includes('/api/v1/jobs'), seen.join(' '));
});

test('requests in flight are answered before the node ends', async (t) => {
    const node = await startNode(t);
    const stream = await node.events();
    assert.equal(stream.status, 200);
    const asked = Array.from({ length: 20 }, () => request({ ...node.target, agent: false }, 'GET', '/metrics'));
    for (const answer of await Promise.all(asked)) assert.equal(answer.status, 200);
    await node.stop(); // fails unless it ends by itself with code 0
    await node.waitFor(() => stream.ended, 'the event stream to end');
});

test('r2_socket_folder: the folder of the Unix socket is made, as /run is empty after a boot', async (t) => {
    const dir = temporaryFolder(t);
    const socket = path.join(dir, 'run', 'muster', 'node.sock');
    const node = await startNode(t, { dir, env: { MUSTER_SOCKET: socket } });
    assert.equal((await request({ socketPath: socket, agent: false }, 'GET', '/healthz')).status, 200);
    await node.stop();
});

test('r2_closed_descriptors: a node that is started without standard descriptors serves and stops', async (t) => {
    const node = await startNode(t, { wrapper: ['sh', '-c', 'exec "$0" "$@" <&-'] });
    assert.equal((await node.get('/healthz')).status, 200);
    await node.stop();
});
