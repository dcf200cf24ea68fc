// spec 50 S13, S15 and spec 20: the ledger at the node, what people ask of the scheduler, scripts, marketplaces.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { muster, startNode, temporaryFolder } from '../lib/node.mjs';
import { prepareScheduler } from '../lib/scheduler.mjs';

const git = (dir, ...args) => execFileSync('git', ['-c', 'user.email=t@example.org', '-c', 'user.name=t', '-c', 'init.defaultBranch=main', ...args], { cwd: dir, encoding: 'utf8' }).trim();

async function startBoth(t, jobs, options = {}) {
    const node = await startNode(t, options);
    const scheduler = prepareScheduler(t, node.url).configure(jobs);
    await scheduler.start();
    return { node, scheduler };
}
const runs = async (node, name) => (await node.get(`/api/v1/schedules/${name}/runs?limit=1000`)).json.runs ?? [];

test('S13 S15 the node shows every job and one row per due instant', async (t) => {
    const { node } = await startBoth(t, `
        schedule "sync" { when = "every 1s" post = "/api/sync/trigger" }
        schedule "nowhere" { when = "every 1s" post = "/api/nowhere" }`);
    await node.waitFor(async () => (await runs(node, 'sync')).length >= 3 && (await runs(node, 'nowhere')).length >= 3, 'three rows of each');
    const rows = await runs(node, 'sync');
    const due = rows.map((row) => row.due);
    assert.equal(new Set(due).size, due.length);
    assert.deepEqual(due, [...due].sort().reverse(), 'the newest first');
    for (const row of rows) assert.deepEqual([row.outcome, row.ok, row.status, row.trigger, row.count], ['fired', true, 200, 'schedule', 1]);
    const bad = (await runs(node, 'nowhere'))[0];
    assert.deepEqual([bad.ok, bad.status], [false, 404]);
    const all = (await node.get('/api/v1/schedules')).json.schedules;
    assert.deepEqual(all.map((one) => one.name), ['nowhere', 'sync']);
    assert.equal(all[1].last_status, 'ok');
    assert.equal(all[0].last_status, 'failed');
    assert.ok(all[0].consecutive_failures >= 3);
    assert.ok(Date.parse(all[1].next_due) > Date.parse(all[1].last_run));
    const metrics = (await node.get('/metrics', { accept: 'text/plain' })).text;
    assert.match(metrics, /muster_schedule_instants_total\{outcome="fired"\} [1-9]/);
    assert.equal((await node.get('/api/v1/schedules/absent/runs')).status, 404);
    const page = await node.get('/api/v1/schedules/sync/runs?limit=2');
    assert.match(page.headers.link, /after=\d+>; rel="next"/);
});

test('a pause lets instants pass and survives both programs; resume and run now do what they say', async (t) => {
    const { node, scheduler } = await startBoth(t, 'schedule "sync" { when = "every 1s" post = "/api/sync/trigger" }\nschedule "hourly" { when = "@hourly" post = "/api/sync/trigger" }');
    await node.waitFor(async () => (await runs(node, 'hourly')).length === 1, 'the first run');
    assert.equal((await muster(['schedule', 'pause', 'sync'], { node })).code, 0);
    const paused = async () => (await runs(node, 'sync')).filter((row) => row.outcome === 'skipped:paused').length;
    await node.waitFor(async () => (await paused()) >= 2, 'skipped instants');
    await scheduler.end();
    await scheduler.start();
    const before = await paused();
    await node.waitFor(async () => (await paused()) > before, 'it to be paused still');
    assert.equal((await muster(['schedule', 'resume', 'sync'], { node })).code, 0);
    await node.waitFor(async () => (await runs(node, 'sync'))[0].outcome === 'fired', 'it to fire again');
    const asked = await muster(['schedule', 'run', 'hourly'], { node });
    assert.equal(asked.code, 0, asked.stderr);
    await node.waitFor(async () => (await runs(node, 'hourly')).some((row) => row.trigger === 'manual' && row.outcome === 'fired' && row.ok), 'the run out of turn');
    const history = await muster(['schedule', 'history', 'hourly'], { node });
    assert.match(history.stdout, /manual/);
    assert.equal((await muster(['schedule', 'run', 'absent'], { node })).code, 1);
    assert.match((await muster(['schedule', 'list'], { node })).stdout, /hourly/);
});

test('outcomes wait for the node when it is away, and none is lost or doubled', async (t) => {
    const { node, scheduler } = await startBoth(t, 'schedule "sync" { when = "every 1s" post = "/api/sync/trigger" }', { listen: '127.0.0.1:0' });
    await node.waitFor(async () => (await runs(node, 'sync')).length >= 2, 'rows');
    const port = node.port;
    await node.crash();
    await scheduler.waitFor(() => /a job has failed/.test(scheduler.log), 'a firing that finds nobody');
    node.configure('');
    writeFileSync(node.configPath, `listen = "127.0.0.1:${port}"\nsocket = "${node.socket}"\ndata_dir = "${node.dataDir}"\n`);
    await node.start();
    await node.waitFor(async () => { const rows = await runs(node, 'sync'); return rows[0]?.ok && rows.some((row) => row.ok === false); }, 'the outcomes of the time between');
    const due = (await runs(node, 'sync')).map((row) => Date.parse(row.due) / 1000).reverse();
    for (let i = 1; i < due.length; i++) assert.equal(due[i] - due[i - 1], 1, 'every second has its row');
});

test('the scheduler\'s token may run jobs and report, and nothing more', async (t) => {
    const token = 'k'.repeat(40);
    const node = await startNode(t, { env: { SCHEDULER_API_TOKEN: token } });
    const as = { authorization: `Bearer ${token}` };
    const body = { instance: 'x', jobs: [{ name: 'j', when: 'every 1m', zone: 'UTC' }], runs: { j: [{ due: '2026-06-07T05:00:00Z', outcome: 'missed:down' }] } };
    assert.deepEqual((await node.post('/api/v1/schedules/report', body, as)).json, { accepted: 1 });
    assert.equal((await node.post('/api/v1/schedules/j/pause', {}, as)).status, 403);
    assert.equal((await node.post('/api/scripts/run-due', undefined, as)).status, 200);
    // A second report of the instant changes nothing but by a firing.
    const again = (outcome, ok) => node.post('/api/v1/schedules/report', { ...body, runs: { j: [{ due: '2026-06-07T05:00:00Z', outcome, ok }] } }, as);
    await again('coalesced');
    assert.equal((await runs(node, 'j'))[0].outcome, 'missed:down');
    await again('fired', true);
    assert.equal((await runs(node, 'j'))[0].outcome, 'fired');
    await again('skipped:overlap');
    assert.equal((await runs(node, 'j'))[0].outcome, 'fired');
    assert.equal((await runs(node, 'j')).length, 1);
    for (const bad of [{ ...body, jobs: [{ name: 'j' }] }, { ...body, jobs: 3 }, { ...body, runs: [] }, { ...body, runs: { j: [{ due: 'x', outcome: 'fired' }] } },
        { ...body, runs: { j: [{ due: '2026-06-07T05:00:00Z', outcome: 'vanished' }] } }]) {
        const { status, json } = await node.post('/api/v1/schedules/report', bad, as);
        assert.equal(status, 422);
        assert.ok(json.pointer.startsWith('/'), JSON.stringify(json));
    }
});

test('scripts that are due are queued once, and one that runs is not queued again', async (t) => {
    const config = `
        agent "shell" { command = { "sh", "-c", "{prompt}" } }
        script "hello" { schedule = "every 1h" command = { "sh", "-c", "echo hello" } }
        script "by-agent" { schedule = "every 1s" agent = "shell" prompt = "while [ ! -e go ]; do sleep 0.05; done" timeout = "60s" }`;
    const node = await startNode(t, { config });
    const due = async () => Object.fromEntries((await node.post('/api/scripts/run-due')).json.scripts.map((one) => [one.name, one]));
    const first = await due();
    assert.deepEqual([first.hello.state, first['by-agent'].state], ['queued', 'queued']);
    await node.waitFor(async () => (await node.get(`/api/v1/jobs/${first.hello.job_id}`)).json.state === 'done', 'the command to end');
    await node.waitFor(async () => (await due())['by-agent'].state === 'running', 'the other to run');
    const again = await due();
    assert.equal(again.hello.state, 'waiting');
    // A crash of the node leaves it running under its shim, and never "running" for ever.
    await node.crash();
    await node.start();
    assert.equal((await due())['by-agent'].job_id, first['by-agent'].job_id);
    await node.post(`/api/v1/jobs/${first['by-agent'].job_id}/cancel`);
    await node.waitFor(async () => { const now = (await due())['by-agent']; return now.job_id !== first['by-agent'].job_id; }, 'it to be queued once more');
});

test('marketplaces are cloned, then fast-forwarded; one failure stops no other', async (t) => {
    const dir = temporaryFolder(t), origin = path.join(dir, 'origin');
    mkdirSync(origin);
    git(origin, 'init', '-q');
    git(origin, 'commit', '-q', '--allow-empty', '-m', 'one');
    const node = await startNode(t, { config: `
        marketplace "broken" { url = "${dir}/nothing" }
        marketplace "tools" { url = "${origin}" }` });
    const sync = async () => {
        const begun = await node.post('/api/marketplaces/sync-all');
        assert.equal(begun.status, 202, begun.text);
        assert.equal(begun.headers.location, `/api/v1/operations/${begun.json.run_id}`);
        const busy = await node.post('/api/marketplaces/sync-all');
        if (busy.status !== 202) assert.equal(busy.status, 409);
        return node.waitFor(async () => { const op = (await node.get(begun.headers.location)).json; return op.state !== 'running' && op; }, 'the sync to end');
    };
    const list = async () => Object.fromEntries((await node.get('/api/v1/marketplaces')).json.marketplaces.map((one) => [one.name, one]));
    const op = await sync();
    assert.equal(op.state, 'failed');
    assert.match(op.error, /1 of 2/);
    let now = await list();
    assert.equal(now.tools.commit, git(origin, 'rev-parse', 'HEAD'));
    assert.equal(now.tools.error, null);
    assert.match(now.broken.error, /does not exist/);
    assert.equal(now.broken.commit, null);
    git(origin, 'commit', '-q', '--allow-empty', '-m', 'two');
    await node.waitFor(async () => (await sync()) && (now = await list()).tools.commit === git(origin, 'rev-parse', 'HEAD'), 'the second commit');
    // What cannot be fast-forwarded is an error, and the last commit stays.
    const last = now.tools.commit;
    rmSync(path.join(origin, '.git'), { recursive: true });
    git(origin, 'init', '-q');
    git(origin, 'commit', '-q', '--allow-empty', '-m', 'other history');
    await node.waitFor(async () => (await sync()) && (await list()).tools.error, 'the error');
    assert.equal((await list()).tools.commit, last);
    assert.ok(existsSync(path.join(node.dataDir, 'marketplaces', 'tools', '.git')));
    assert.equal((await node.get('/api/v1/operations/ffff-1')).status, 404);
});

test('muster up starts the scheduler beside the node, over its socket', async (t) => {
    const node = await startNode(t, { args: ['up'], config: 'scheduler { tick = "1s" }\nschedule "sync" { when = "every 1s" post = "/api/sync/trigger" }' });
    await node.waitFor(async () => (await runs(node, 'sync')).some((row) => row.ok), 'a firing');
    const names = (await node.get('/api/v1/schedules')).json.schedules.map((one) => one.name);
    for (const name of ['data-refresh', 'health-check', 'script-runner', 'marketplaces', 'session-collector', 'corporate-memory', 'session-processor:usage', 'session-processor:verification'])
        assert.ok(names.includes(name), name);
    await node.waitFor(async () => (await node.get('/api/v1/workers')).json.workers.some((one) => one.worker === 'scheduler' && one.status === 'ok' || one.name === 'scheduler' && one.status === 'ok'), 'its heartbeat in the roll call');
    await node.stop();
});
