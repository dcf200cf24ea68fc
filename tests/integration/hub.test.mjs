// The hub: who may report, what is taken and what is refused, licences, analytics, silence (spec 80 H8 to H14).
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { gzipSync } from 'node:zlib';
import { report, startHub } from '../lib/hub.mjs';
import { prepareNode } from '../lib/node.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { waitUntil } from '../lib/wait.mjs';

const day = Date.UTC(2026, 10, 1);
const hour = 3_600_000;

// Each test runs on both stores: on a file of its own, and on a schema of its own of one server.
const server = new Postgres();
const schemas = new Map(); // of a hub's folder: a second hub in the same one finds what the first one left
before(() => server.start());
after(() => server.destroy());

async function startOnPostgres(t, options = {}) {
    const schema = schemas.get(options.dir) ?? server.schema();
    const store = `  store = "${server.url(schema.option)}"\n`;
    const hub = await startHub(t, { ...options, config: store + (options.config ?? '') });
    schemas.set(hub.dir, schema);
    return Object.assign(hub, { stored: () => server.query(`SELECT * FROM ${schema.name}.instances`) });
}

async function startOnFile(t, options) {
    const hub = await startHub(t, options);
    return Object.assign(hub, { stored: () => readFileSync(hub.storePath) });
}

function onEach(name, run) {
    test(name, (t) => run(t, startOnFile));
    test(`${name}, on PostgreSQL`, (t) => run(t, startOnPostgres));
}

onEach('H8 who has no key, a wrong one, or is not known, is refused', async (t, startHub) => {
    const hub = await startHub(t);
    const a = await hub.enrol({ name: 'a' });
    const body = report(a.instance_id, day, day + hour);
    assert.match(a.instance_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal((await hub.request('POST', `/api/v1/instances/${a.instance_id}/telemetry`, body)).status, 401);
    assert.equal((await hub.send({ ...a, api_key: 'wrong' }, body)).status, 401);
    assert.equal((await hub.send({ ...a, instance_id: 'nobody' }, { ...body, instance_id: 'nobody' })).status, 404);
    assert.equal((await hub.send(a, body)).status, 200);
    assert.equal((await hub.post('/api/v1/instances', { name: 'x', instance_id: a.instance_id })).status, 409);
    assert.equal((await hub.post('/api/v1/instances', { name: 'x', instance_id: 'a/b' })).json.pointer, '/instance_id');
    assert.equal((await hub.request('POST', '/api/v1/instances', { name: 'x' }, { authorization: 'Bearer wrong-token-of-nobody' })).status, 401);
    assert.equal(hub.stored().includes(a.api_key), false); // hashed
});

onEach('H8, H9 each body gets the status that it deserves', async (t, startHub) => {
    const hub = await startHub(t, { config: '  rate = 1\n  burst = 14' });
    const a = await hub.enrol({ name: 'a' });
    const body = report(a.instance_id, day, day + hour, { epoch: 'e', window_no: 7, new_field: { kept: [1] } });
    const bytes = JSON.stringify(body);
    const first = await hub.send(a, bytes);
    assert.equal(first.status, 200);
    assert.equal(first.json.window_no, 7);
    assert.equal(first.json.duplicate, false);
    assert.equal(first.headers['accept-encoding'], 'gzip');
    assert.equal((await hub.send(a, gzipSync(bytes), { 'content-encoding': 'gzip' })).json.duplicate, true);
    const other = await hub.send(a, { ...body, uptime_seconds: 1 });
    assert.equal(other.status, 409);
    assert.equal(other.headers['content-type'], 'application/problem+json');
    const wrong = await hub.send(a, { ...body, window_end: body.window_start });
    assert.equal(wrong.status, 422);
    assert.equal(wrong.json.pointer, '/window_end');
    assert.equal((await hub.send(a, report('other', day, day + 1))).json.pointer, '/instance_id');
    assert.equal((await hub.send(a, '{')).status, 400);
    assert.equal((await hub.send(a, 'x'.repeat(256 * 1024 + 1))).status, 413);
    assert.equal((await hub.send(a, gzipSync('x'.repeat(256 * 1024 + 1)), { 'content-encoding': 'gzip' })).status, 413);
    assert.equal((await hub.send(a, bytes, { 'content-encoding': 'br' })).status, 415);
    assert.equal((await hub.send(a, 'not gzip', { 'content-encoding': 'gzip' })).status, 400);
    const stored = (await hub.get(`/api/v1/instances/${a.instance_id}/reports`)).json.reports;
    assert.deepEqual(stored.map((r) => r.body), [bytes]); // as it came, with what is not known
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push(await hub.send(a, bytes));
    const limited = statuses.find((r) => r.status === 429);
    assert.equal(Number(limited.headers['retry-after']) >= 1, true);
});

onEach('H8 a report outlives a kill right after its answer', async (t, startHub) => {
    const hub = await startHub(t);
    const a = await hub.enrol({ name: 'a' });
    for (let i = 0; i < 5; i++) {
        assert.equal((await hub.send(a, report(a.instance_id, day + i * hour, day + (i + 1) * hour))).status, 200);
        await hub.crash();
        await hub.start();
    }
    assert.equal((await hub.get(`/api/v1/instances/${a.instance_id}`)).json.reports, 5);
    assert.equal((await hub.get('/api/v1/usage?bucket=month&from=2026-11-01&to=2026-12-01')).json.rows[0].tasks, 60);
});

onEach('H8 a key is exchanged without a gap', async (t, startHub) => {
    const hub = await startHub(t);
    const a = await hub.enrol({ name: 'a' });
    const send = (key, i) => hub.send({ ...a, api_key: key }, report(a.instance_id, day + i * hour, day + (i + 1) * hour));
    const fresh = (await hub.post(`/api/v1/instances/${a.instance_id}/key`)).json.api_key;
    assert.notEqual(fresh, a.api_key);
    assert.equal((await send(a.api_key, 0)).status, 200); // the old one still holds
    assert.equal((await send(fresh, 1)).status, 200);
    assert.equal((await send(a.api_key, 2)).status, 401); // the new one was used
    const printed = await hub.command(['hub', 'rotate', a.instance_id]);
    assert.equal((await send(printed.stdout.trim(), 2)).status, 200);
});

onEach('H8 with a join token an instance enrols itself', async (t, startHub) => {
    const hub = await startHub(t, { config: '  join_token = "a-token-for-joining"' });
    const b = { instance_id: 'b', api_key: 'a-key-of-its-own-0123' };
    const body = report('b', day, day + hour);
    assert.equal((await hub.send(b, body)).status, 404);
    assert.equal((await hub.send(b, body, { 'x-hub-join-token': 'wrong' })).status, 404);
    assert.equal((await hub.send(b, body, { 'x-hub-join-token': 'a-token-for-joining' })).status, 200);
    assert.equal((await hub.send({ ...b, api_key: 'a-key-of-another-0123' }, body, { 'x-hub-join-token': 'a-token-for-joining' })).status, 401);
});

onEach('H9, H15 gaps, overlaps, rewinds and clones are listed', async (t, startHub) => {
    const hub = await startHub(t);
    const a = await hub.enrol({ name: 'a' });
    const send = (from, to, no) => hub.send(a, report(a.instance_id, day + from * hour, day + to * hour, { epoch: 'e', window_no: no }));
    await send(0, 1, 1);
    assert.deepEqual((await send(3, 4, 4)).json.missing, [2, 3]);
    assert.equal((await send(3.5, 5, 5)).json.overlap, true);
    await send(4, 6, 4); // a number that is taken
    await send(6, 7, 5);
    const kinds = (await hub.get(`/api/v1/instances/${a.instance_id}/gaps`)).json.gaps.map((g) => g.kind);
    for (const kind of ['gap', 'overlap', 'rewind']) assert.ok(kinds.includes(kind), `${kind} in ${kinds}`);
    assert.match((await hub.command(['hub', 'gaps', a.instance_id])).stdout, /^gap\s/m);
    assert.match((await hub.get(`/api/v1/instances/${a.instance_id}/gaps?format=csv`)).text, /^id,kind,window_start,/);
});

onEach('H10 licences are signed, and say how an instance stands', async (t, startHub) => {
    const hub = await startHub(t);
    const key = path.join(hub.dir, 'vendor.key');
    const made = await hub.command(['hub', 'licence', 'key', key]);
    assert.equal(made.code, 0, made.stderr);
    const a = await hub.enrol({ name: 'a', instance_id: 'a', group: 'g' });
    await hub.stop();
    hub.configure(`  licence_key = "${made.stdout.trim()}"`);
    const started = await startHub(t, { dir: hub.dir, config: `  licence_key = "${made.stdout.trim()}"` });
    const state = async (id = 'a') => (await started.get('/api/v1/compliance')).json.instances.find((i) => i.instance_id === id);
    const licence = async (text) => {
        const file = path.join(hub.dir, 'licence.json');
        writeFileSync(file, JSON.stringify(text));
        const signed = await started.command(['hub', 'licence', 'sign', file, '--key', key]);
        assert.equal(signed.code, 0, signed.stderr);
        return JSON.parse(signed.stdout);
    };
    const put = (document, id = 'a') => started.request('PUT', `/api/v1/instances/${id}/licence`, document);
    const now = Math.floor(Date.now() / hour) * hour;
    assert.equal((await started.send(a, report('a', now - 2 * hour, now - hour))).status, 200); // five agents, two servers
    assert.equal((await state()).state, 'unlicensed');

    const good = await licence({ instance_id: 'a', max_agents: 5, max_servers: 2, features: ['sso'] });
    assert.equal((await put({ ...good, payload: good.payload.replace('5', '9') })).status, 422);
    assert.equal((await state()).state, 'unlicensed');
    assert.deepEqual((await put(good)).json.features, ['sso']);
    assert.equal((await state()).state, 'ok');
    const file = path.join(hub.dir, 'good.licence');
    writeFileSync(file, JSON.stringify(good));
    assert.equal((await started.command(['hub', 'licence', 'verify', file, '--key', key])).code, 0);
    writeFileSync(file, JSON.stringify(good).replace('sso', 'ssp'));
    assert.equal((await started.command(['hub', 'licence', 'verify', file, '--key', key])).code, 1);

    await put(await licence({ instance_id: 'a', max_agents: 4 }));
    assert.equal((await started.send(a, report('a', now - hour, now - hour + 1, { interval_seconds: 3600, metrics: { ...report('a', 0, 1).metrics, agents: { online_count: 0, offline_count: 0, total_count: 0 } } }))).status, 200);
    let over = await state();
    assert.deepEqual([over.state, over.figure_of, over.figure, over.limit, over.last_agents], ['over', 'agents', 5, 4, 0]);
    assert.equal(Date.parse(over.since) <= now - 2 * hour, true);
    await put(await licence({ instance_id: 'a', max_agents: 4, grace_seconds: 86400 * 365 }));
    over = await state();
    assert.deepEqual([over.state, over.grace_for], ['ok', 'over']);
    await put(await licence({ instance_id: 'a', expires_at: new Date(Date.now() - hour).toISOString() }));
    assert.equal((await state()).state, 'expired');
    await put(await licence({ instance_id: 'a', expires_at: new Date(Date.now() + 24 * hour).toISOString() }));
    assert.equal((await state()).state, 'expiring');
    assert.equal((await put(await licence({ instance_id: 'other', max_agents: 1 }))).json.pointer, '/payload');
    assert.equal((await started.send(a, report('a', now - hour + 1, now - hour + 2))).status, 200); // monitoring goes on

    await started.request('DELETE', '/api/v1/instances/a/licence');
    assert.equal((await started.request('PUT', '/api/v1/groups/g/licence', await licence({ group: 'g', max_agents: 5 }))).status, 200);
    assert.equal((await state()).state, 'ok');
    assert.match((await started.get('/api/v1/compliance?format=csv')).text, /^instance_id,name,group,state,/);
});

onEach('H11 usage by hour, day and month, by instance, type, status and model', async (t, startHub) => {
    const hub = await startHub(t);
    const [a, b] = [await hub.enrol({ name: 'a', instance_id: 'a' }), await hub.enrol({ name: 'b', instance_id: 'b' })];
    const models = { 'm-1': { runs: 2, input_tokens: 10, output_tokens: 5, cost_usd: 0.25 } };
    for (let i = 0; i < 30; i++) await hub.send(i % 2 ? a : b, report(i % 2 ? 'a' : 'b', day + i * hour, day + (i + 1) * hour, { models }));
    const rows = async (query) => (await hub.get(`/api/v1/usage?from=2026-11-01&to=2026-12-01&${query}`)).json.rows;
    assert.deepEqual((await rows('bucket=month')).map((r) => [r.bucket, r.key, r.reports, r.tasks]), [['2026-11-01T00:00:00.000000Z', null, 30, 360]]);
    assert.deepEqual((await rows('bucket=day')).map((r) => r.reports), [24, 6]);
    assert.equal((await rows('bucket=hour')).length, 30);
    assert.deepEqual((await rows('bucket=month&group=instance')).map((r) => [r.key, r.tasks]), [['a', 180], ['b', 180]]);
    assert.deepEqual((await rows('bucket=month&group=status')).map((r) => [r.key, r.tasks]), [['done', 300], ['failed', 60]]);
    assert.deepEqual((await rows('bucket=month&group=type')).map((r) => [r.key, r.tasks, r.avg_duration_ms]), [['review', 210, 41250.5]]);
    assert.deepEqual((await rows('bucket=month&group=model')).map((r) => [r.key, r.runs, r.input_tokens, r.cost_usd]), [['m-1', 60, 300, 7.5]]);
    assert.equal((await hub.get('/api/v1/usage?bucket=year')).json.pointer, '/bucket');
    assert.equal((await hub.get('/api/v1/usage?group=colour')).json.pointer, '/group');
    assert.equal((await hub.get('/api/v1/usage?from=soon')).json.pointer, '/from');
    assert.equal((await hub.get('/api/v1/usage?from=2026-11-01&bucket=day&format=ndjson')).text.trim().split('\n').length, 2);
    const page = await hub.get('/api/v1/usage?from=2026-11-01&to=2026-12-01&bucket=hour&limit=20');
    const next = page.headers.link.match(/<([^>]+)>/)[1];
    assert.equal((await hub.get(next)).json.rows.length, 10);
});

onEach('H12 an instance that says nothing for three intervals is silent, until it is heard again', async (t, startHub) => {
    const hub = await startHub(t);
    const a = await hub.enrol({ name: 'a', instance_id: 'a' });
    await hub.send(a, report('a', day, day + hour, { interval_seconds: 0.05 }));
    await waitUntil(async () => (await hub.get('/api/v1/instances/a')).json.silent, 'silence');
    assert.deepEqual((await hub.get('/api/v1/events')).json.events.map((e) => e.type), ['enrolled', 'silent']);
    assert.match(hub.log, /warn hub: an instance is silent/);
    assert.match((await hub.get('/metrics')).text, /^muster_hub_instances\{state="silent"\} 1$/m);
    assert.equal((await hub.get('/api/v1/instances?silent=true')).json.instances.length, 1);
    await hub.send(a, report('a', day + hour, day + 2 * hour, { interval_seconds: 3600 }));
    assert.equal((await hub.get('/api/v1/instances/a')).json.silent, false);
    assert.equal((await hub.get('/api/v1/events')).json.events.at(-1).type, 'heard');
});

onEach('H14 an instance that is deleted takes with it all that it sent', async (t, startHub) => {
    const hub = await startHub(t);
    const [a, b] = [await hub.enrol({ name: 'a', instance_id: 'a' }), await hub.enrol({ name: '=b,"c"', instance_id: 'b' })];
    await hub.send(a, report('a', day, day + hour));
    await hub.send(b, report('b', day, day + hour));
    assert.match((await hub.get('/api/v1/instances?format=csv')).text, /^b,"'=b,""c""",/m);
    assert.equal((await hub.request('DELETE', '/api/v1/instances/a')).status, 204);
    assert.equal((await hub.get('/api/v1/instances/a')).status, 404);
    assert.equal((await hub.send(a, report('a', day, day + hour))).status, 404);
    const rows = (await hub.get('/api/v1/usage?bucket=month&from=2026-11-01&group=instance')).json.rows;
    assert.deepEqual(rows.map((r) => [r.key, r.tasks]), [['b', 12]]);
    assert.equal((await hub.get('/api/v1/usage?bucket=month&from=2026-11-01')).json.rows[0].tasks, 12);
    const listed = await hub.command(['hub', 'list']);
    assert.match(listed.stdout, /^b\s/m);
});

onEach('the hub describes itself, and keeps strangers out', async (t, startHub) => {
    const hub = await startHub(t);
    assert.equal((await hub.get('/healthz')).json.status, 'ok');
    assert.equal((await hub.get('/readyz')).json.status, 'ready');
    const paths = Object.keys((await hub.get('/openapi.json')).json.paths);
    assert.ok(paths.includes('/api/v1/instances/{id}/telemetry') && paths.includes('/api/v1/compliance'));
    assert.equal((await hub.get('/api/v1/instances', { host: 'evil.example' })).status, 421);
    await hub.stop();
});

test('muster up --hub runs one beside the node', async (t) => {
    const node = prepareNode(t, { args: ['up', '--hub'], config: 'hub { listen = "127.0.0.1:0" }' });
    await node.start();
    await node.waitLog(/info hub: ready listen=127\.0\.0\.1:\d+/);
    await node.stop();
    assert.match(node.log, /info hub: stopped/);
});
