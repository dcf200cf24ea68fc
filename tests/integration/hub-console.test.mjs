// spec 80 H12, H14 and spec 95: what the hub's console asks for, and the console itself.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { atEnd } from '../lib/cleanup.mjs';
import { report, startHub } from '../lib/hub.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { waitUntil } from '../lib/wait.mjs';

const day = Date.UTC(2026, 10, 20), hour = 3_600_000;

// The stream's events so far; ended with the test.
async function listen(t, hub, headers = {}) {
    const heard = { text: '', status: null };
    const request = http.get({ ...hub.target, path: '/api/v1/events', headers: { accept: 'text/event-stream', ...headers } }, (response) => {
        heard.status = response.statusCode;
        response.setEncoding('utf8').on('data', (piece) => (heard.text += piece)).on('error', () => {});
    });
    request.on('error', () => {});
    atEnd(t, () => request.destroy());
    await waitUntil(() => heard.text.includes('retry:'), 'the stream to begin');
    return heard;
}
const types = (heard) => [...heard.text.matchAll(/^event: (\S+)\ndata: (.*)$/gm)].map(([, type, data]) => `${type} ${JSON.parse(data).instance_id}`);

async function statesAndFindings(hub) {
    const [a, b, c] = [await hub.enrol({ name: 'Alpha', instance_id: 'a', group: 'g' }), await hub.enrol({ name: 'Beta', instance_id: 'b' }), await hub.enrol({ name: 'Gamma', instance_id: 'c', group: 'g' })];
    await hub.enrol({ name: 'Delta', instance_id: 'd' });
    const send = (who, from, to, no, more) => hub.send(who, report(who.instance_id, day + from * hour, day + to * hour, { epoch: 'e', window_no: no, interval_seconds: 3600, ...more }));
    await send(a, 0, 1, 1);
    await send(a, 3, 4, 4); // two are missing: a gap
    await send(a, 4, 6, 4); // a number that is taken: a rewind
    await send(b, 0, 1, 1, { interval_seconds: 0.05 });
    await send(c, 0, 1, 1, { models: { 'm-1': { runs: 2, input_tokens: 10, output_tokens: 5, cost_usd: 0.25 } } });
    await waitUntil(async () => (await hub.get('/api/v1/instances/b')).json.silent, 'silence');
    const list = async (query = '') => (await hub.get(`/api/v1/instances?${query}`)).json.instances;
    const all = await list();
    assert.deepEqual(all.map((i) => [i.instance_id, i.state, i.gaps, i.rewinds, i.clones]), [['a', 'reporting', 1, 1, 0], ['b', 'silent', 0, 0, 0], ['c', 'reporting', 0, 0, 0], ['d', 'enrolled', 0, 0, 0]]);
    assert.deepEqual([all[0].agents_online, all[0].agents_total, all[0].servers_total], [3, 5, 2]);
    const never = all[3];
    assert.deepEqual([never.agents_online, never.agents_total, never.servers_total, never.uptime_seconds, never.last_report_at], [null, null, null, null, null]);
    const one = (await hub.get('/api/v1/instances/a')).json;
    assert.deepEqual([one.state, one.rewinds, one.findings.map((f) => f.kind).sort()], ['reporting', 1, ['gap', 'rewind']]);

    const found = (await hub.get('/api/v1/findings')).json.findings;
    assert.deepEqual(found.map((f) => [f.instance_id, f.name, f.kind]), [['a', 'Alpha', 'rewind'], ['a', 'Alpha', 'gap']]); // newest first
    assert.deepEqual(found.map(({ instance_id: _, name: __, ...f }) => f).reverse(), one.findings);
    assert.deepEqual((await hub.get('/api/v1/findings?kind=gap')).json.findings.map((f) => f.id), [found[1].id]);
    const newest = await hub.get('/api/v1/findings?limit=1');
    assert.deepEqual((await hub.get(newest.headers.link.match(/<([^>]+)>/)[1])).json.findings, [found[1]]);
    assert.equal((await hub.get('/api/v1/findings?kind=ghost')).json.pointer, '/kind');

    const ids = async (query) => (await list(query)).map((i) => i.instance_id).join('');
    assert.equal(await ids('state=silent'), 'b');
    assert.equal(await ids('state=enrolled'), 'd');
    assert.equal(await ids('finding=rewind'), 'a');
    assert.equal(await ids('finding=clone'), '');
    assert.equal(await ids('q=GAM'), 'c');
    assert.equal(await ids('q=a&group=g&state=reporting'), 'ac'); // a's name and id, c's name
    assert.equal((await hub.get('/api/v1/instances?state=asleep')).json.pointer, '/state');
    assert.equal((await hub.get('/api/v1/instances?finding=ghost')).json.pointer, '/finding');
    const page = await hub.get('/api/v1/instances?limit=1&state=reporting&q=%61');
    const next = page.headers.link.match(/<([^>]+)>/)[1];
    assert.deepEqual([page.json.instances[0].instance_id, (await hub.get(next)).json.instances.map((i) => i.instance_id)], ['a', ['c']]);
    assert.match((await hub.get('/api/v1/instances?format=csv')).text, /^d,Delta,,[^\n]*,enrolled,false,0,0,0,0,0\r$/m);
    const standing = (await hub.get('/api/v1/compliance')).json.instances;
    assert.deepEqual(standing.map((i) => [i.limit, i.last_agents]), [[null, 5], [null, 5], [null, 5], [null, null]]); // unlicensed: no limit is known

    const status = (await hub.get('/api/v1/status')).json;
    assert.deepEqual([status.program, status.instances, status.instances_silent], ['hub', 4, 1]);
    const [model] = (await hub.get('/api/v1/usage?from=2026-11-01&to=2026-12-01&bucket=month&group=model')).json.rows;
    assert.deepEqual([model.key, model.runs, model.avg_duration_ms], ['m-1', 2, null]); // a model has no tasks that could take a time
}

test('H14 an instance is listed with its state and what was found in its windows, and nothing is said of one that never reported', async (t) => {
    await statesAndFindings(await startHub(t));
});

test('H13 the same with PostgreSQL, where a second hub streams what the first one was told', async (t) => {
    const postgres = await startPostgres(t);
    const [hub, other] = await Promise.all([0, 1].map(() => startHub(t, { config: `  store = "${postgres.url()}"` })));
    const heard = await listen(t, other);
    await statesAndFindings(hub);
    await waitUntil(() => types(heard).includes('event.instance.silent b'), 'the silence');
    for (const id of 'abcd') assert.ok(types(heard).includes(`event.instance.enrolled ${id}`));
});

test('H6, H12 a report that is half an interval overdue is late, and silence comes after three', async (t) => {
    const hub = await startHub(t);
    const a = await hub.enrol({ name: 'a', instance_id: 'a' });
    const state = async () => (await hub.get('/api/v1/instances/a')).json.state;
    await hub.send(a, report('a', day, day + hour, { interval_seconds: 3600 }));
    assert.equal(await state(), 'reporting');
    const seen = new Set();
    await hub.send(a, report('a', day + hour, day + 2 * hour, { interval_seconds: 2 })); // late after 3 s, silent after 6
    await waitUntil(async () => seen.add(await state()).has('silent'), 'silence', 30_000);
    assert.deepEqual([...seen].filter((word) => word !== 'reporting'), ['late', 'silent']);
});

test('H12 events come as a stream too, which goes on where it stopped', async (t) => {
    const hub = await startHub(t);
    await hub.enrol({ name: 'before', instance_id: 'before' });
    const heard = await listen(t, hub);
    const a = await hub.enrol({ name: 'a', instance_id: 'a' });
    await waitUntil(() => types(heard).length === 1, 'the enrolment');
    await hub.send(a, report('a', day, day + hour, { interval_seconds: 0.05 }));
    await waitUntil(() => types(heard).length === 2, 'the silence');
    assert.deepEqual(types(heard), ['event.instance.enrolled a', 'event.instance.silent a']); // and nothing from before
    const ids = [...heard.text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    assert.deepEqual(ids, [2, 3]);
    const again = await listen(t, hub, { 'last-event-id': '1' });
    await waitUntil(() => types(again).length === 2, 'what was missed');
    assert.deepEqual(types(again), types(heard));
    const ahead = await listen(t, hub, { 'last-event-id': '999' }); // of another store
    await hub.enrol({ name: 'c', instance_id: 'c' });
    for (const one of [heard, again, ahead]) await waitUntil(() => types(one).at(-1) === 'event.instance.enrolled c', 'the newest');
    assert.equal(types(ahead).length, 1);
    await hub.stop(); // with streams that are open
});

test('the console of a hub is in the binary, and may load and speak to this server alone', async (t) => {
    const hub = await startHub(t);
    for (const path of ['/', '/instances/some-id']) {
        const page = await hub.get(path);
        assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8']);
        assert.match(page.text, /<html [^>]*data-program="hub"/);
        const policy = page.headers['content-security-policy'];
        assert.match(policy, /default-src 'none'/);
        assert.match(policy, /frame-ancestors 'none'/);
        assert.doesNotMatch(policy, /unsafe/);
        assert.deepEqual([page.headers['x-content-type-options'], page.headers['referrer-policy'], page.headers['x-frame-options']], ['nosniff', 'no-referrer', 'DENY']);
    }
    for (const file of ['app.js', 'app.css', 'icon.svg', 'licences.txt']) {
        const got = await hub.get(`/console/${file}`);
        assert.equal(got.status, 200);
        assert.equal((await hub.get(`/console/${file}`, { 'if-none-match': got.headers.etag })).status, 304);
    }
    for (const file of ['index.html', 'hub.html', 'nothing.js', '../hub.conf']) assert.equal((await hub.get(`/console/${file}`)).status, 404);
});
