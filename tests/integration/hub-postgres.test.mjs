// spec 80 H9, H13, issue 7: several hubs on one PostgreSQL count each window once, whatever happens to them, to the way and to the line to the database.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { hostileWay, report, startHub } from '../lib/hub.mjs';
import { startNode } from '../lib/node.mjs';
import { Postgres, commitCutter } from '../lib/postgres.mjs';
import { waitUntil } from '../lib/wait.mjs';

const day = Date.UTC(2026, 10, 1), hour = 3_600_000;
const window = (id, i, more) => report(id, day + i * hour, day + (i + 1) * hour, { epoch: 'e', window_no: i + 1, ...more });
const tasksAt = async (hub) => (await hub.get('/api/v1/usage?bucket=month&from=2026-01-01&to=2030-01-01')).json.rows.reduce((sum, row) => sum + row.tasks, 0);

const server = new Postgres();
before(() => server.start());
after(() => server.destroy());

async function startHubs(t, count, url) {
    const hubs = [];
    for (let i = 0; i < count; i++) hubs.push(await startHub(t, { config: `  store = "${url}"\n  rate = 1000000\n  burst = 1000000` }));
    return hubs;
}

test('H13 the same report at three hubs at one moment is one report, and each hub sees it', async (t) => {
    const hubs = await startHubs(t, 3, server.url(server.schema().option));
    const instances = [];
    for (let i = 0; i < 6; i++) instances.push(await hubs[i % 3].enrol({ name: `n${i}`, instance_id: `n${i}` }));
    for (let i = 0; i < 8; i++) {
        const answers = await Promise.all(instances.map((instance) => Promise.all(hubs.map((hub) => hub.send(instance, window(instance.instance_id, i))))));
        for (const three of answers) {
            assert.deepEqual(three.map((a) => a.status), [200, 200, 200]);
            assert.equal(three.filter((a) => !a.json.duplicate).length, 1);
        }
    }
    for (const hub of hubs) assert.equal(await tasksAt(hub), 6 * 8 * 12); // instances, windows, tasks of each
    const [a] = instances;
    const other = await hubs[1].send(a, window('n0', 7, { uptime_seconds: 1 }));
    assert.equal(other.status, 409);
    assert.deepEqual((await hubs[2].send(a, window('n0', 10))).json.missing, [9, 10]);
    assert.equal((await hubs[0].get('/api/v1/instances/n0')).json.reports, 9);
});

test('H9, H13 three hubs behind a hostile round-robin, one of them killed: every task arrives once', { timeout: 300_000 }, async (t) => {
    const hubs = await startHubs(t, 3, server.url(server.schema().option));
    const enrolled = await hubs[0].enrol({ name: 'n', instance_id: 'n1' });
    let turn = 0;
    const next = { get target() { return hubs[turn++ % hubs.length].target; } };
    const fates = ['pass', 'pass', 500, 'lie', 'pass', 'twice', 'lose', 'pass', 409, 'hold', 'pass', 'truncate', 'pass', 'drop'];
    const way = await hostileWay(t, next, (n) => fates[n % fates.length]);
    const node = await startNode(t, { config: `telemetry { enabled = true hub_url = "${way.url}" api_key = "${enrolled.api_key}" instance_id = "n1" interval = "100ms" }` });
    let made = 0;
    const addUntil = async (reports) => {
        while (way.seen.length < reports) {
            assert.equal((await node.post('/api/v1/tasks', { work_item: 'w', stage: 'open', type: 'review' })).status, 201);
            made++;
        }
    };
    await addUntil(8);
    await hubs[1].crash();
    await addUntil(18);
    await hubs[1].start();
    await addUntil(28);
    await waitUntil(async () => (await tasksAt(hubs[0])) >= made, `${made} tasks at the hubs`, 120_000);
    for (const hub of hubs) {
        assert.equal(await tasksAt(hub), made);
        assert.deepEqual((await hub.get('/api/v1/instances/n1/gaps')).json.gaps, []);
    }
});

test('H9 a line that is cut at COMMIT leaves no doubt, and a hub that dies in it leaves one that the next try ends', { timeout: 300_000 }, async (t) => {
    const line = await commitCutter(t, server, 'INTO reports');
    const [hub] = await startHubs(t, 1, line.url(server.schema().option));
    const a = await hub.enrol({ name: 'a', instance_id: 'a' });
    assert.equal((await hub.send(a, window('a', 0))).status, 200);

    line.cutNext('before'); // the server never hears of it
    assert.equal((await hub.send(a, window('a', 1))).status, 503);
    assert.equal((await hub.send(a, window('a', 1))).json.duplicate, false);

    line.cutNext('after'); // the server has done it, its answer is lost; the token that went with it tells
    const kept = await hub.send(a, window('a', 2));
    assert.deepEqual([kept.status, kept.json.duplicate], [200, false]);
    assert.equal((await hub.send(a, window('a', 2))).json.duplicate, true);

    const cut = line.cutNext('after', { comesBack: false });
    const unanswered = hub.send(a, window('a', 3)).catch(() => null);
    await cut;
    await hub.crash();
    assert.equal(await unanswered, null);
    line.open();
    await hub.start();
    assert.equal((await hub.send(a, window('a', 3))).json.duplicate, true);
    assert.equal(await tasksAt(hub), 4 * 12);
    assert.deepEqual((await hub.get('/api/v1/instances/a/gaps')).json.gaps, []);
});
