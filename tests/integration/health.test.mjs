// health.test.mjs -- GET /api/health says section by section how the node is (spec 60 Health).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../lib/node.mjs';
import { waitUntil } from '../lib/wait.mjs';

const sections = async (node) => (await node.get('/api/health')).json;
const at = (ms) => new Date(Date.now() + ms).toISOString();
const report = (node, schedules) => node.post('/api/v1/schedules/report', { instance: 'one', jobs: schedules, runs: {} });
const schedule = (name, more) => ({ name, when: 'every 10m', zone: 'UTC', method: 'POST', path: '/x', builtin: false, consecutive_failures: 0,
    last_run: null, last_status: null, last_error: null, last_end: null, last_duration_us: null, next_due: at(60_000), in_flight: null, paused: false, ...more });

test('a node at rest is ok, and what nobody has told of is unknown and degrades nothing', async (t) => {
    const node = await startNode(t);
    const health = await waitUntil(async () => {
        const now = await sections(node);
        return now.status === 'ok' && now;
    }, 'the node to be ok');
    for (const name of ['store', 'bus', 'queue', 'disk']) assert.equal(health.sections[name].status, 'ok', name);
    assert.equal(health.sections.scheduler.status, 'unknown');
});

test('a schedule that is overdue by more than its own period degrades the scheduler; one that is merely late does not', async (t) => {
    const node = await startNode(t);
    assert.equal((await report(node, [schedule('late', { next_due: at(-5 * 60_000) })])).status, 200);
    assert.equal((await sections(node)).sections.scheduler.status, 'ok');
    await report(node, [schedule('silent', { next_due: at(-11 * 60_000) })]);
    const { scheduler } = (await sections(node)).sections;
    assert.equal(scheduler.status, 'degraded');
    assert.match(scheduler.detail, /1 overdue .* first silent/);
    assert.equal((await sections(node)).status, 'degraded');
});

test('three failures in a row degrade the scheduler, two do not, and a pause silences', async (t) => {
    const node = await startNode(t);
    await report(node, [schedule('twice', { consecutive_failures: 2, last_status: 'failed' })]);
    assert.equal((await sections(node)).sections.scheduler.status, 'ok');
    await report(node, [schedule('thrice', { consecutive_failures: 3, last_status: 'failed' })]);
    const { scheduler } = (await sections(node)).sections;
    assert.equal(scheduler.status, 'degraded');
    assert.match(scheduler.detail, /1 failing 3 times in a row or more, the first thrice/);
    assert.equal((await node.post('/api/v1/schedules/thrice/pause', {})).status, 200);
    assert.equal((await sections(node)).sections.scheduler.status, 'ok');
});
