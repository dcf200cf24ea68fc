// spec 50 S3-S14: the real scheduler against a target that counts.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { prepareScheduler, startTarget } from '../lib/scheduler.mjs';
import { slowness, waitUntil } from '../lib/wait.mjs';

const seconds = (key) => Date.parse(key.slice(key.indexOf('/') + 1)) / 1000;
const rounds = Number(process.env.MUSTER_KILL_ROUNDS ?? (slowness > 1 ? 6 : 15));

test('S10 a request says which job it is, for which instant, and who asks', async (t) => {
    const target = await startTarget(t);
    const scheduler = prepareScheduler(t, target.url).configure(`
        schedule "report" { when = "every 1s" post = "/api/v1/jobs?x=1" body = "{\\"agent\\":\\"a\\"}" }
        schedule "look" { when = "every 1s" get = "/health" }`);
    await scheduler.start({ SCHEDULER_API_TOKEN: 's'.repeat(40) });
    await scheduler.waitFor(() => target.of('report').length >= 2 && target.of('look').length >= 1, 'requests');
    const [first] = target.of('report'), [look] = target.of('look');
    assert.equal(first.method, 'POST');
    assert.equal(first.url, '/api/v1/jobs?x=1');
    assert.equal(first.body, '{"agent":"a"}');
    assert.equal(first.headers['content-type'], 'application/json');
    assert.equal(first.headers.authorization, `Bearer ${'s'.repeat(40)}`);
    assert.match(first.key, /^report\/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(look.method, 'GET');
    assert.equal(look.body, '');
});

test('environment: without SCHEDULER_API_TOKEN there is no Authorization, and one warning', async (t) => {
    const target = await startTarget(t);
    const scheduler = prepareScheduler(t, target.url).configure('schedule "j" { when = "every 1s" post = "/j" }');
    await scheduler.start();
    await scheduler.waitFor(() => target.of('j').length >= 2, 'requests');
    assert.equal(target.of('j')[0].headers.authorization, undefined);
    assert.equal(scheduler.log.split('SCHEDULER_API_TOKEN').length - 1, 1);
});

test('S8 a job that always fails fires on its cadence, and retries inside a firing only', async (t) => {
    const target = await startTarget(t, (record, reply) => reply(record.job === 'bad' ? 500 : 422, { detail: 'no' }));
    const scheduler = prepareScheduler(t, target.url).configure(`
        schedule "bad" { when = "every 2s" post = "/bad" retry { max = 2 base = "20ms" } }
        schedule "refused" { when = "every 2s" post = "/refused" retry { max = 2 base = "20ms" } }`);
    await scheduler.start();
    await scheduler.waitFor(() => target.rows('bad').length >= 3 && target.rows('refused').length >= 3, 'three outcomes');
    const keys = target.of('bad').map((one) => one.key), instants = [...new Set(keys)];
    for (const key of instants.slice(0, 3)) assert.equal(keys.filter((one) => one === key).length, 3, 'one request and two retries');
    for (let i = 1; i < instants.length; i++) assert.ok(seconds(instants[i]) - seconds(instants[i - 1]) >= 2, instants.join(' '));
    const refused = target.of('refused').map((one) => one.key);
    assert.equal(new Set(refused).size, refused.length, 'a 4xx is not retried');
    const [row] = target.rows('bad');
    assert.deepEqual([row.outcome, row.ok, row.status, row.attempts, row.error], ['fired', false, 500, 3, 'HTTP 500: no']);
    await scheduler.waitFor(() => target.reports.at(-1).jobs.some((job) => job.consecutive_failures >= 3), 'the failures to be counted');
});

test('S8 Retry-After of a 429 is honoured', async (t) => {
    let asked = 0;
    const target = await startTarget(t, (record, reply) => (asked++ === 0 ? reply(429, {}, { 'retry-after': '2' }) : reply(200, {})));
    const scheduler = prepareScheduler(t, target.url).configure('schedule "j" { when = "every 1h" post = "/j" retry { max = 1 base = "1ms" } }');
    await scheduler.start();
    await scheduler.waitFor(() => target.of('j').length === 2, 'the retry');
    assert.ok(target.fired[1].at - target.fired[0].at >= 1900, 'two seconds, but for the clocks\' grain');
    assert.equal(target.fired[0].key, target.fired[1].key);
});

test('S7 a slow job delays nobody and is not fired again while it is in flight', async (t) => {
    const held = [];
    const target = await startTarget(t, (record, reply) => (record.job === 'slow' ? held.push(reply) : reply(200, {})));
    const scheduler = prepareScheduler(t, target.url).configure(`
        schedule "slow" { when = "every 1s" post = "/slow" timeout = "300s" }
        schedule "quick" { when = "every 1s" post = "/quick" }
        schedule "queued" { when = "every 1s" post = "/queued" overlap = "queue" }`);
    await scheduler.start();
    await scheduler.waitFor(() => target.of('quick').length >= 4, 'the quick one to go on');
    assert.equal(target.of('slow').length, 1);
    await scheduler.waitFor(() => target.rows('slow').filter((row) => row.outcome === 'skipped:overlap').length >= 2, 'what was skipped');
    held[0](200, {});
    await scheduler.waitFor(() => target.of('slow').length === 2, 'the next one');
});

test('S7 overlap = "queue" runs once more right after', async (t) => {
    const held = [];
    const target = await startTarget(t, (record, reply) => held.push(reply));
    const scheduler = prepareScheduler(t, target.url).configure('schedule "q" { when = "every 1s" post = "/q" timeout = "300s" overlap = "queue" }');
    await scheduler.start();
    await scheduler.waitFor(() => target.rows('q').filter((row) => row.outcome === 'coalesced').length >= 2, 'instants that wait');
    const asked = target.of('q').length;
    assert.equal(asked, 1);
    held[0](200, {});
    await scheduler.waitFor(() => target.of('q').length === 2, 'one more');
});

test('S11 a run that was answered with 202 holds its job until it has ended', async (t) => {
    let polls = 0, over = false;
    const target = await startTarget(t, (record, reply, request) => {
        if (request.url === '/api/v1/operations/7') return (polls++, reply(200, over ? { state: 'failed', error: 'it broke' } : { state: 'running' }));
        return reply(202, { run_id: '7' }, { location: '/api/v1/operations/7' });
    });
    const scheduler = prepareScheduler(t, target.url).configure('schedule "long" { when = "every 1s" post = "/long" timeout = "1s" }');
    await scheduler.start();
    await scheduler.waitFor(() => polls >= 3 && target.rows('long').filter((row) => row.outcome === 'skipped:overlap').length >= 2, 'it is followed');
    assert.equal(target.of('long').length, 1);
    over = true;
    await scheduler.waitFor(() => target.rows('long').some((row) => row.outcome === 'fired'), 'its end');
    const row = target.rows('long').find((one) => one.outcome === 'fired');
    assert.deepEqual([row.ok, row.status, row.run_id, row.error], [false, 202, '7', 'it broke']);
});

test('S11 409 is busy: neither success nor failure', async (t) => {
    const target = await startTarget(t, (record, reply) => reply(409, { detail: 'busy' }));
    const scheduler = prepareScheduler(t, target.url).configure('schedule "b" { when = "every 1s" post = "/b" retry { max = 3 base = "1ms" } }');
    await scheduler.start();
    await scheduler.waitFor(() => target.rows('b').length >= 2, 'outcomes');
    for (const row of target.rows('b')) assert.deepEqual([row.outcome, row.ok, row.attempts], ['refused:busy', null, 1]);
    const job = target.reports.flatMap((report) => report.jobs).findLast((one) => one.last_status);
    assert.deepEqual([job.last_status, job.consecutive_failures], ['busy', 0]);
});

test(`S9 ${rounds} times kill -9 around a firing: every instant has a row, none is acted on twice, none is lost`, async (t) => {
    const target = await startTarget(t, (record, reply) => setTimeout(() => reply(200, {}), 5 + Math.random() * 300));
    const scheduler = prepareScheduler(t, target.url).configure('schedule "k" { when = "every 1s" post = "/k" catchup = "all" }');
    for (let i = 0; i < rounds; i++) {
        const before = target.of('k').length;
        await scheduler.start();
        await scheduler.waitFor(() => target.of('k').length > before, 'a firing');
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 400)); // at any point of it
        await scheduler.end('SIGKILL');
    }
    await scheduler.start();
    const asked = () => [...new Set(target.of('k').map((one) => one.key))].map(seconds).sort((a, b) => a - b);
    await scheduler.waitFor(() => Date.now() / 1000 - asked().at(-1) < 2 && target.rows('k').length >= asked().length - 2, 'it to have caught up', 60_000);
    await scheduler.end();
    const rows = new Map(target.rows('k').map((row) => [Date.parse(row.due) / 1000, row]));
    for (const row of JSON.parse(readFileSync(scheduler.statePath)).jobs.k.rows) rows.set(Date.parse(row.due) / 1000, row); // not reported yet
    const last = JSON.parse(readFileSync(scheduler.statePath)).jobs.k;
    const inFlight = last.in_flight ? Date.parse(last.in_flight) / 1000 : null;
    const instants = asked();
    for (let s = instants[0]; s <= Date.parse(last.handled) / 1000; s++)
        assert.ok(rows.has(s) || s === inFlight, `the instant ${new Date(s * 1000).toISOString()} has a row`);
    for (const s of instants) if (s !== inFlight) assert.equal(rows.get(s)?.outcome, 'fired', `${s} was asked for, and the ledger says so`);
    // A request that is sent again after a kill has the same key, by which the target acts once.
    for (const one of target.of('k')) assert.match(one.key, /^k\/.*:\d\dZ$/);
});

test('S9 a restart fires nothing again that ran, and catches up once', async (t) => {
    const target = await startTarget(t);
    const scheduler = prepareScheduler(t, target.url).configure('schedule "h" { when = "@hourly" post = "/h" }\nschedule "s" { when = "every 1s" post = "/s" }');
    await scheduler.start();
    await scheduler.waitFor(() => target.of('h').length === 1 && target.of('s').length >= 2, 'first runs');
    await scheduler.end();
    const state = JSON.parse(readFileSync(scheduler.statePath));
    const before = target.of('s').length;
    await scheduler.start();
    await scheduler.waitFor(() => target.of('s').length >= before + 2, 'it to go on');
    assert.equal(target.of('h').length, 1, 'the hourly one has run');
    // An hour and a half ago, and one hour was missed meanwhile: one fire.
    await scheduler.end();
    const missed = JSON.parse(readFileSync(scheduler.statePath)), ago = new Date(Math.floor(Date.now() / 3_600_000 - 3) * 3_600_000).toISOString();
    Object.assign(missed.jobs.h, { last_run: ago, handled: ago });
    writeFileSync(scheduler.statePath, JSON.stringify(missed));
    await scheduler.start();
    await scheduler.waitFor(() => target.of('h').length === 2 && target.rows('h').filter((row) => row.outcome === 'coalesced').length >= 2, 'one catch-up');
    assert.equal(state.version, 1);
});

test('S9 a corrupt state file is set aside, reported, and counts as empty', async (t) => {
    const target = await startTarget(t);
    const scheduler = prepareScheduler(t, target.url).configure('schedule "h" { when = "@hourly" post = "/h" }');
    await scheduler.start();
    await scheduler.waitFor(() => target.of('h').length === 1, 'a run');
    await scheduler.end();
    writeFileSync(scheduler.statePath, '{"version":1,"jobs":{"h":');
    await scheduler.start();
    await scheduler.waitFor(() => target.of('h').length === 2, 'a first run once more');
    assert.match(scheduler.log, /is not a state file and counts as empty/);
    assert.ok(readdirSync(path.dirname(scheduler.statePath)).some((name) => name.startsWith('state.json.corrupt-')));
});

test('S12 nothing fires before startup_grace is over', async (t) => {
    const target = await startTarget(t);
    const scheduler = prepareScheduler(t, target.url).configure('schedule "h" { when = "every 1s" post = "/h" }', 'tick = "1s" builtin = false startup_grace = "3s"');
    const before = Date.now();
    await scheduler.start();
    await scheduler.waitFor(() => target.of('h').length >= 1, 'a run');
    assert.ok(target.fired[0].at - before >= 2900);
});

test('S14 SIGTERM: no new fires, the request under way is answered, the state is saved, exit code 0', async (t) => {
    let release;
    const target = await startTarget(t, (record, reply) => (release = reply));
    const scheduler = prepareScheduler(t, target.url).configure('schedule "h" { when = "every 1s" post = "/h" timeout = "60s" overlap = "queue" }');
    await scheduler.start();
    await scheduler.waitFor(() => release, 'a request');
    scheduler.signal('SIGTERM');
    await scheduler.waitFor(() => scheduler.log.includes('stopping'), 'the signal');
    release(200, {});
    assert.deepEqual(await scheduler.end(), { code: 0, signal: null });
    const state = JSON.parse(readFileSync(scheduler.statePath)).jobs.h;
    assert.equal(state.last_status, 'ok');
});

test('S14 what does not end within shutdown_grace is fired again under its key', async (t) => {
    let hold = true;
    const target = await startTarget(t, (record, reply) => (hold ? undefined : reply(200, {})));
    const scheduler = prepareScheduler(t, target.url).configure('schedule "h" { when = "@hourly" post = "/h" timeout = "60s" }', 'tick = "1s" builtin = false shutdown_grace = "100ms"');
    await scheduler.start();
    await scheduler.waitFor(() => target.of('h').length === 1, 'a request');
    assert.equal((await scheduler.end()).code, 0);
    hold = false;
    await scheduler.start();
    await scheduler.waitFor(() => target.of('h').length === 2, 'the same again');
    assert.equal(target.fired[0].key, target.fired[1].key);
});

test('S14 SIGHUP reloads; an invalid file is refused and the running one kept', async (t) => {
    const target = await startTarget(t);
    const scheduler = prepareScheduler(t, target.url).configure('schedule "a" { when = "every 1s" post = "/a" }');
    await scheduler.start();
    await scheduler.waitFor(() => target.of('a').length >= 1, 'a run');
    for (const [bad, why] of [['schedule "a" { when = "every 0s" post = "/a" }', /column 7/], ['schedule "a" {', /is not closed/],
        ['schedule "a" { when = "every 1s" post = "/a" zone = "Mars/Base" }', /Mars\/Base/], ['schedule "a" { post = "/a" }', /when is missing/]]) {
        scheduler.configure(bad);
        const lines = scheduler.log.split('\n').length, runs = target.of('a').length;
        scheduler.signal('SIGHUP');
        await scheduler.waitFor(() => why.test(scheduler.log.split('\n').slice(lines - 1).join('\n')), `${why} in the log`);
        await scheduler.waitFor(() => target.of('a').length > runs + 1, 'the old one to go on');
    }
    scheduler.configure('schedule "b" { when = "every 1s" post = "/b" }\nschedule "a" { when = "every 1h" post = "/a" }');
    scheduler.signal('SIGHUP');
    await scheduler.waitFor(() => target.of('b').length >= 2, 'the new one');
    const runs = target.of('a').length;
    await scheduler.waitFor(() => target.of('b').length >= 5, 'time to pass');
    assert.ok(target.of('a').length <= runs + 1, 'the re-timed job has run within the hour');
});

test('S10 two replicas fire the same instant under the same key', async (t) => {
    const target = await startTarget(t);
    const jobs = 'schedule "c" { when = "cron * * * * *" post = "/c" anchor = "creation" }\nschedule "e" { when = "every 1s" post = "/e" }';
    const one = prepareScheduler(t, target.url).configure(jobs), two = prepareScheduler(t, target.url).configure(jobs);
    await one.start();
    await two.start();
    const times = (key) => target.of('c').filter((record) => record.key === key).length; // a key per minute; retries: none
    await one.waitFor(() => target.of('c').some((record) => times(record.key) === 2), 'both under one key', 150_000);
});

test('S14 SIGTERM while many are about to be fired ends it at once, with exit code 0, and the next start goes on', async (t) => {
    const target = await startTarget(t);
    const jobs = Array.from({ length: 40 }, (_, i) => `schedule "j${i}" { when = "every 1s" post = "/j${i}" }`).join('\n');
    const scheduler = prepareScheduler(t, target.url).configure(jobs);
    for (let round = 0; round < 4; round++) {
        const before = target.fired.length;
        await scheduler.start();
        await scheduler.waitFor(() => target.fired.length > before, 'the first of a tick');
        assert.deepEqual(await scheduler.end(), { code: 0, signal: null });
    }
});

// -- what refuses to start --

const variables = ['SCHEDULER_TICK_SECONDS', 'SCHEDULER_DATA_REFRESH_INTERVAL', 'SCHEDULER_HEALTH_CHECK_INTERVAL', 'SCHEDULER_SCRIPT_RUN_INTERVAL',
    'SCHEDULER_SESSION_COLLECTOR_INTERVAL', 'SCHEDULER_VERIFICATION_DETECTOR_INTERVAL', 'SCHEDULER_USAGE_PROCESSOR_INTERVAL', 'SCHEDULER_CORPORATE_MEMORY_INTERVAL'];

test('environment: an integer variable that is empty, no number, zero or negative refuses to start, by name and value', async (t) => {
    for (const name of variables) {
        for (const value of ['', '0', '-5', 'abc', '1.5', ' 60', '99999999999999999999']) {
            const scheduler = prepareScheduler(t, 'http://127.0.0.1:1').configure('').launch({ [name]: value });
            await scheduler.waitFor(() => scheduler.exited, 'it to refuse');
            assert.equal(scheduler.exited.code, 2, `${name}=${value}`);
            assert.ok(scheduler.log.includes(`${name}="${value}"`), scheduler.log);
            assert.equal(scheduler.log.trim().split('\n').length, 1, 'one line');
        }
    }
});

test('S6 a tick above the smallest interval refuses to start and names both', async (t) => {
    const refuses = async (jobs, settings, env, ...wanted) => {
        const scheduler = prepareScheduler(t, 'http://127.0.0.1:1').configure(jobs, settings).launch(env);
        await scheduler.waitFor(() => scheduler.exited, 'it to refuse');
        assert.equal(scheduler.exited.code, 2);
        for (const text of wanted) assert.ok(scheduler.log.includes(text), `${text} in ${scheduler.log}`);
    };
    await refuses('schedule "often" { when = "every 5s" post = "/x" }', '', {}, 'tick of 30s', 'every 5s', '"often"');
    await refuses('', '', { SCHEDULER_TICK_SECONDS: '61' }, 'tick', 'every 1m', '"script-runner"');
    await refuses('schedule "x" { when = "cron 0 0 30 2 *" post = "/x" }', '', {}, 'column 10');
    await refuses('schedule "x" { when = "every 0m" post = "/x" }', '', {}, 'column 7');
    await refuses('schedule "x" { when = "@daily" post = "/x" zone = "Europe/Pragu" }', '', {}, 'Europe/Pragu');
    await refuses('schedule "x" { when = "@daily" }', '', {}, 'post or get is missing');
    await refuses('schedule "x" { when = "@daily" post = "http://elsewhere/" }', '', {}, 'a path of the node');
});

test('a built-in job is re-timed or disabled by name, and its interval comes from the environment', async (t) => {
    const target = await startTarget(t);
    const scheduler = prepareScheduler(t, target.url).configure('schedule "health-check" { enabled = false }\nschedule "marketplaces" { when = "daily 04:30" zone = "Europe/Prague" }', 'tick = "1s"');
    await scheduler.start({ SCHEDULER_DATA_REFRESH_INTERVAL: '90', SCHEDULER_USAGE_PROCESSOR_INTERVAL: '3601', SCHEDULER_SCRIPT_RUN_INTERVAL: '3600' });
    await waitUntil(() => target.reports.flatMap((report) => report.jobs).length >= 7, 'a report of the jobs');
    const jobs = Object.fromEntries(target.reports.flatMap((report) => report.jobs).map((job) => [job.name, job]));
    assert.equal(jobs['health-check'], undefined);
    assert.deepEqual([jobs.marketplaces.when, jobs.marketplaces.zone, jobs.marketplaces.path], ['daily 04:30', 'Europe/Prague', '/api/marketplaces/sync-all']);
    assert.equal(jobs['data-refresh'].when, 'every 2m');
    assert.equal(jobs['session-processor:usage'].when, 'every 61m');
    assert.equal(jobs['script-runner'].when, 'every 1h');
    assert.equal(jobs['corporate-memory'].when, 'every 17m');
    assert.equal(jobs['session-processor:verification'].path, '/api/admin/run-session-processor?processor=verification');
});

test('API_URL says which node, as in older deployments', async (t) => {
    const target = await startTarget(t);
    const scheduler = prepareScheduler(t, 'http://127.0.0.1:1').configure('schedule "j" { when = "every 1s" post = "/j" }');
    await scheduler.start({ API_URL: `${target.url}/` });
    await scheduler.waitFor(() => target.of('j').length >= 1, 'a request there');
    assert.equal(target.fired[0].url, '/j');
    assert.ok(existsSync(scheduler.statePath));
});
