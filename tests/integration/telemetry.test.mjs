// The sender: when it reports and when not, what it sends, and what it does with each answer (spec 80 H1 to H7, H15, H16).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { gunzipSync } from 'node:zlib';
import { atEnd } from '../lib/cleanup.mjs';
import { hostileWay, startHub } from '../lib/hub.mjs';
import { farEnd } from '../lib/netns.mjs';
import { muster, startNode, temporaryFolder } from '../lib/node.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { waitUntil } from '../lib/wait.mjs';

const rounds = Number(process.env.MUSTER_HUB_ROUNDS ?? 3);

// A hub of the test's own, that keeps what comes and answers as it is told: { status, headers, body }.
async function fakeHub(t, answer = () => ({ status: 200 })) {
    const seen = [];
    const server = http.createServer((incoming, outgoing) => {
        const parts = [];
        incoming.on('data', (part) => parts.push(part));
        incoming.on('error', () => {});
        incoming.on('end', () => {
            const bytes = Buffer.concat(parts);
            const plain = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
            seen.push({ url: incoming.url, headers: incoming.headers, text: plain.toString(), json: JSON.parse(plain), port: incoming.socket.remotePort });
            const { status = 200, headers = {}, body = '{}', never } = answer(seen.length - 1, seen.at(-1));
            if (never) return;
            outgoing.writeHead(status, headers);
            outgoing.end(body);
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(t, () => { server.closeAllConnections(); server.close(); });
    return { url: `http://127.0.0.1:${server.address().port}`, seen };
}

const telemetry = (url, more = '') => `telemetry { enabled = true hub_url = "${url}" api_key = "0123456789abcdef" instance_id = "n1" interval = "100ms" ${more} }`;
const addTask = (node, more = {}) => node.post('/api/v1/tasks', { work_item: 'w', stage: 'open', ...more });

test('H1 nothing is reported, and nothing is connected to, unless it is switched on', async (t) => {
    const hub = await fakeHub(t);
    const config = telemetry(hub.url).replace('enabled = true', 'enabled = false');
    const dir = temporaryFolder(t);
    const trace = path.join(dir, 'trace');
    // -D: the node is our child, and strace its.  Leaks cannot be looked for in a program that is traced.
    const node = await startNode(t, { dir, config, wrapper: ['strace', '-D', '-f', '-e', 'trace=connect,sendto', '-o', trace],
        env: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` } });
    await addTask(node);
    assert.equal((await node.get('/api/v1/telemetry')).json.state, 'off');
    assert.match(node.log, /info telemetry: nothing is reported reason=.*HUB_TELEMETRY_ENABLED/);
    assert.equal((await node.get('/metrics', { accept: 'text/plain' })).text.includes('muster_telemetry_lag_seconds'), false);
    await node.stop();
    assert.equal(hub.seen.length, 0);
    assert.equal(readFileSync(trace, 'utf8').includes('AF_INET'), false); // nowhere at all
});

test('H1 what is missing is named in one line, and the node starts', async (t) => {
    for (const [env, what] of [
        [{ HUB_TELEMETRY_ENABLED: 'true', HUB_API_KEY: 'k' }, 'HUB_URL'],
        [{ HUB_TELEMETRY_ENABLED: 'true', HUB_URL: 'http://127.0.0.1:1' }, 'HUB_API_KEY'],
        [{ HUB_TELEMETRY_ENABLED: '1', HUB_URL: 'ftp://x', HUB_API_KEY: 'k' }, 'HUB_URL'],
    ]) {
        const node = await startNode(t, { env });
        const lines = node.lines.filter((line) => line.includes(' telemetry: '));
        assert.equal(lines.length, 1);
        assert.match(lines[0], new RegExp(`warn telemetry: .*${what}`));
        await node.stop();
    }
});

test('H2, H5, H15 the body is what the contract says, and windows follow each other', async (t) => {
    const hub = await fakeHub(t);
    const node = await startNode(t, { env: { HUB_TELEMETRY_ENABLED: 'true', HUB_URL: hub.url, HUB_API_KEY: 'key-of-the-hub-1', HUB_TELEMETRY_INTERVAL_SECONDS: '1', MUSTER_TELEMETRY_INTERVAL: '100ms', INSTANCE_ID: 'inst.1' } });
    await addTask(node, { type: 'review' });
    await addTask(node, { type: 'review' });
    await addTask(node);
    await waitUntil(() => hub.seen.reduce((sum, r) => sum + (r.json.metrics.tasks.by_status.open ?? 0), 0) === 3, 'three tasks at the hub');
    const bodies = hub.seen.map((r) => r.json);
    assert.equal(hub.seen[0].url, '/api/v1/instances/inst.1/telemetry');
    assert.equal(hub.seen[0].headers['x-hub-api-key'], 'key-of-the-hub-1');
    assert.equal(hub.seen[0].headers['content-type'], 'application/json');
    for (const [i, b] of bodies.entries()) {
        assert.equal(b.instance_id, 'inst.1');
        assert.match(b.window_start, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
        assert.equal(b.window_no, i + 1);
        assert.equal(b.epoch, bodies[0].epoch);
        assert.equal(Number.isInteger(b.uptime_seconds), true);
        assert.deepEqual(Object.keys(b.metrics), ['agents', 'tasks', 'servers']);
        assert.deepEqual(b.metrics.agents, { online_count: 0, offline_count: 0, total_count: 0 });
        if (i > 0) assert.equal(b.window_start, bodies[i - 1].window_end);
    }
    assert.equal(Date.parse(bodies[0].window_end) - Date.parse(bodies[0].window_start), 100);
    const types = bodies.map((b) => b.metrics.tasks.by_type).filter((types) => types.review);
    assert.equal(types.reduce((sum, t2) => sum + t2.review.count, 0), 2);
    assert.equal(bodies.at(-1).totals.tasks, 3);
    assert.equal(new Set(hub.seen.map((r) => r.port)).size, 1); // H7: one connection, kept alive
    const show = JSON.parse((await muster(['telemetry', 'show'], { node })).stdout);
    assert.deepEqual(Object.keys(show), Object.keys(bodies[0])); // H16: exactly the next body
    assert.equal(show.window_no > bodies.length - 1, true);
});

test('H3 a restart between the sending and the answer sends the same bytes', async (t) => {
    let answers = false;
    const hub = await fakeHub(t, () => (answers ? { status: 200 } : { never: true }));
    const node = await startNode(t, { config: telemetry(hub.url) });
    await waitUntil(() => hub.seen.length === 1, 'a report');
    await addTask(node);
    await node.crash();
    answers = true;
    await node.start();
    await waitUntil(() => hub.seen.length > 2, 'more reports');
    assert.equal(hub.seen[1].text, hub.seen[0].text);
    assert.equal(hub.seen[2].json.window_start, hub.seen[1].json.window_end);
});

test('H6 each answer has its consequence', async (t) => {
    const plan = [
        { status: 500, headers: { 'retry-after': '0' } }, // again, the same
        { status: 409 }, // success
        { status: 401, body: '{}', headers: { 'retry-after': '0' } }, // the configuration
        { status: 401, headers: { 'retry-after': '0' } },
        { status: 202 },
        ...Array(5).fill({ status: 422, headers: { 'retry-after': '0' } }), // set aside
        { status: 200 },
    ];
    const hub = await fakeHub(t, (n) => plan[n] ?? { status: 200 });
    const node = await startNode(t, { config: telemetry(hub.url) });
    await waitUntil(() => hub.seen.length > plan.length, 'the plan to be over');
    const no = hub.seen.map((r) => r.json.window_no);
    assert.deepEqual(no.slice(0, plan.length), [1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 4]);
    assert.equal(node.lines.filter((line) => line.includes('the hub refuses the key')).length, 1);
    const status = (await node.get('/api/v1/telemetry')).json;
    assert.equal(status.rejected, 1);
    assert.deepEqual(status.windows.filter((w) => w.state === 'rejected').map((w) => [w.window_no, w.status, w.tries]), [[3, 422, 5]]);
    assert.equal((await node.get('/api/health')).json.sections.telemetry.status, 'degraded');
    assert.match((await node.get('/metrics', { accept: 'text/plain' })).text, /^muster_telemetry_lag_seconds \d/m);
});

test('H7 a hub that takes gzip gets large bodies in it, and the stop does not wait for an answer', async (t) => {
    let hangs = false;
    const hub = await fakeHub(t, () => (hangs ? { never: true } : { headers: { 'accept-encoding': 'gzip' } }));
    const node = await startNode(t, { config: telemetry(hub.url) });
    for (let i = 0; i < 40; i++) await addTask(node, { type: `a-type-that-makes-bodies-long-${i}` });
    await waitUntil(() => hub.seen.some((r) => r.headers['content-encoding'] === 'gzip'), 'a packed report');
    const packed = hub.seen.find((r) => r.headers['content-encoding'] === 'gzip');
    assert.equal(packed.text.length > 1024, true);
    hangs = true;
    const before = hub.seen.length;
    await waitUntil(() => hub.seen.length > before, 'a report that is not answered');
    await node.stop();
    hangs = false;
    await node.start();
    await waitUntil(() => hub.seen.length > before + 1, 'the report again');
    assert.equal(hub.seen[before + 1].text, hub.seen[before].text);
});

test('H16 DO_NOT_TRACK wins, but for a licence report that the licence asks for', async (t) => {
    const hub = await fakeHub(t);
    const off = await startNode(t, { config: telemetry(hub.url), env: { DO_NOT_TRACK: '1' } });
    assert.match(off.log, /info telemetry: nothing is reported reason="?DO_NOT_TRACK/);
    await off.stop();
    assert.equal(hub.seen.length, 0);
});

test('H9, H15 over a hostile way every task arrives once', async (t) => {
    const hub = await startHub(t);
    const enrolled = await hub.enrol({ name: 'n', instance_id: 'n1' });
    const fates = ['pass', 500, 'lie', 'pass', 'twice', 429, 'pass', 409, 'pass', 'hold', 'pass', 'truncate', 'pass', 'lose', 'pass', 'lie', 'pass', 'drop'];
    const way = await hostileWay(t, hub, (n) => fates[n] ?? 'pass');
    const node = await startNode(t, { config: telemetry(way.url).replace('0123456789abcdef', enrolled.api_key) });
    let made = 0;
    while (way.seen.length < fates.length + 3) {
        assert.equal((await addTask(node, { type: 'review' })).status, 201);
        made++;
    }
    await totalsAgree(hub, node, made);
    assert.deepEqual((await hub.get('/api/v1/instances/n1/gaps')).json.gaps, []);
});

// The hub has counted as many tasks as the node has made, once nothing waits any more.
async function totalsAgree(hub, node, made, headers) {
    const counted = async () => (await hub.get('/api/v1/usage?bucket=hour', headers)).json.rows.reduce((sum, row) => sum + row.tasks, 0);
    await waitUntil(async () => (await counted()) >= made, `${made} tasks at the hub`, 60_000);
    assert.equal(await counted(), made);
}

// From zero to forty tasks, of a sequence that is the same in each run: the kill comes at another moment of the windows each time.
function draws() {
    let seed = 7;
    return () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % 41;
}

for (const store of ['SQLite', 'PostgreSQL'])
    test(`H3, H8 a kill of either end loses and doubles nothing, on ${store}`, async (t) => {
        const hub = await startHub(t, { config: store === 'SQLite' ? '' : `  store = "${(await startPostgres(t)).url()}"` });
        const enrolled = await hub.enrol({ name: 'n', instance_id: 'n1' });
        const node = await startNode(t, { config: telemetry(hub.url).replace('0123456789abcdef', enrolled.api_key) });
        const draw = draws();
        let made = 0;
        for (let round = 0; round < rounds; round++) {
            for (let i = draw(); i > 0; i--) made += (await addTask(node)).status === 201;
            await (round % 2 ? node : hub).crash();
            await (round % 2 ? node : hub).start();
        }
        await totalsAgree(hub, node, made);
        assert.deepEqual((await hub.get('/api/v1/instances/n1/gaps')).json.gaps, []);
        t.diagnostic(`${rounds} rounds, ${made} tasks in ${(await hub.get('/api/v1/instances/n1')).json.reports} reports`);
    });

test('H3, H7 a line that goes dead without a word loses and doubles nothing', { timeout: 300_000 }, async (t) => {
    const far = await farEnd(t);
    if (!far) return t.skip('NOT TESTED: needs root and network namespaces');
    const token = 'a-token-of-the-hub-of-this-test';
    const hub = await startHub(t, { host: far.address, wrapper: far.wrapper, env: { MUSTER_TOKEN: token } });
    const asAdmin = { authorization: `Bearer ${token}` };
    const { json: enrolled } = await hub.post('/api/v1/instances', { name: 'n', instance_id: 'n1' }, asAdmin);
    const node = await startNode(t, { config: telemetry(hub.url).replace('0123456789abcdef', enrolled.api_key) });
    // The same window waits at one look after the other: it is on its way, and what was answered before the cut has been booked.
    const oneWaits = async (what) => {
        let looks = 0, last = null;
        await waitUntil(async () => {
            const waiting = (await node.get('/api/v1/telemetry')).json.windows.find((w) => w.state === 'pending')?.window_no ?? null;
            looks = waiting !== null && waiting === last ? looks + 1 : 0;
            last = waiting;
            return looks === 5;
        }, what, 60_000);
    };
    let made = 0;
    const add = async (count) => { for (let i = 0; i < count; i++) made += (await addTask(node)).status === 201; };
    await add(3);
    assert.ok(await far.cutFar()); // both ends go on as if the other one were slow
    await add(5);
    await oneWaits('a window that is not answered');
    assert.ok(await far.healFar());
    await add(3);
    await totalsAgree(hub, node, made, asAdmin);
    assert.ok(await far.cutFar());
    await add(5);
    await oneWaits('another one');
    await hub.crash(); // the connection is half open now: one end has forgotten it
    assert.ok(await far.healFar());
    await hub.start();
    await add(2);
    await totalsAgree(hub, node, made, asAdmin);
    assert.deepEqual((await hub.get('/api/v1/instances/n1/gaps', asAdmin)).json.gaps, []);
});

test('H16 a file takes reports to a hub that cannot be reached, once', async (t) => {
    const hub = await startHub(t);
    const enrolled = await hub.enrol({ name: 'n', instance_id: 'n1' });
    const node = await startNode(t, { config: `telemetry { api_key = "${enrolled.api_key}" instance_id = "n1" }` });
    for (let i = 0; i < 3; i++) await addTask(node);
    const file = path.join(node.dir, 'reports.ndjson');
    assert.equal((await muster(['telemetry', 'export', file], { node })).code, 0);
    const first = await hub.command(['hub', 'import', file]);
    assert.equal(first.stdout, '1 taken, 0 there already, 0 refused\n', first.stderr);
    assert.equal((await hub.command(['hub', 'import', file])).stdout, '0 taken, 1 there already, 0 refused\n');
    await totalsAgree(hub, node, 3);
    const line = JSON.parse(readFileSync(file, 'utf8'));
    const forged = await hub.post('/api/v1/import', { ...line, body: line.body.replace('"open":3', '"open":9') });
    assert.equal(forged.status, 422);
});
