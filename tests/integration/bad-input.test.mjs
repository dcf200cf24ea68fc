// Bad input for every route: 4xx problem+json that points to the field; and nobody else notices.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../lib/node.mjs';

const config = 'agent "a" { command = { "true", "{prompt}" } }\nagent "plain" { command = { "true" } }\nworkflow "w" { stages = { "one", "two" } }\n';

async function refused(node, method, path, body, status, pointer, headers) {
    const answer = await node.request(method, path, body, headers);
    const what = `${method} ${path} ${typeof body === 'string' ? body.slice(0, 80) : JSON.stringify(body)}`;
    assert.equal(answer.status, status, `${what}: ${answer.text}`);
    assert.equal(answer.headers['content-type'].split(';')[0], 'application/problem+json', what);
    assert.equal(answer.json.status, status, what);
    assert.ok(answer.json.title && answer.json.detail, `${what}: ${answer.text}`);
    if (pointer !== undefined) assert.equal(answer.json.pointer, pointer, what);
}

test('every field of POST /api/v1/jobs is checked and named', async (t) => {
    const node = await startNode(t, { config });
    const bad = [
        [{}, '/agent'], [{ agent: 7 }, '/agent'], [{ agent: 'nobody', prompt: 'x' }, '/agent'], [{ agent: 'a' }, '/prompt'],
        [{ agent: 'a', prompt: 'x', priority: 'high' }, '/priority'], [{ agent: 'a', prompt: 'x', priority: 1.5 }, '/priority'],
        [{ agent: 'a', prompt: 'x', priority: 100000 }, '/priority'], [{ agent: 'a', prompt: 'x', max_attempts: 0 }, '/max_attempts'],
        [{ agent: 'a', prompt: 'x', run_after: 'tomorrow' }, '/run_after'], [{ agent: 'a', prompt: 'x', task_id: 12345 }, '/task_id'],
        [{ agent: 'a', prompt: 'x', unique_key: '' }, '/unique_key'], [{ agent: 'a', prompt: 'x', args: 'y' }, '/args'],
        [{ agent: 'a', prompt: 'x', args: ['y', 3] }, '/args/1'], [{ agent: 'a', prompt: 'x', args: ['y'] }, '/args'],
        [{ agent: 'a', prompt: 'x', env: { A: 1 } }, '/env/A'], [{ agent: 'a', prompt: 'x', env: { PATH: '/' } }, '/env/PATH'],
        [{ agent: 'a', prompt: 'x', repo: '../../etc' }, '/repo'], [{ agent: 'a', prompt: 'x', colour: 'red' }, '/colour'],
        [{ agent: 'a', prompt: 'x', timeout_s: -1 }, '/timeout_s'], [{ agent: 'a', prompt: 'nul \u0000 byte' }, '/prompt'],
    ];
    for (const [body, pointer] of bad) await refused(node, 'POST', '/api/v1/jobs', body, 422, pointer);
    assert.equal((await node.get('/metrics')).json.queue.counts.queued, 0);
});

test('bodies that are no JSON object are 400', async (t) => {
    const node = await startNode(t, { config });
    const deep = '['.repeat(100000);
    for (const text of ['', 'x', '[1]', '"a"', 'null', '{"agent":', '{"agent":"a"}{}', '{"a":1,"a":2}', deep, '{"agent":"\xff"}', '{"agent":"\\ud800"}'])
        await refused(node, 'POST', '/api/v1/jobs', Buffer.from(text, 'latin1'), 400, undefined, { 'Content-Type': 'application/json' });
});

test('every other route names what is wrong', async (t) => {
    const node = await startNode(t, { config });
    const cases = [
        ['POST', '/api/v1/tasks', {}, 422, '/work_item'], ['POST', '/api/v1/tasks', { work_item: '' }, 422, '/work_item'],
        ['POST', '/api/v1/tasks', { work_item: 'x', workflow: 'no' }, 422, '/workflow'],
        ['POST', '/api/v1/tasks', { work_item: 'x', workflow: 'w', stage: 'three' }, 422, '/stage'],
        ['GET', '/api/v1/tasks/999', undefined, 404], ['GET', '/api/v1/tasks/abc', undefined, 404],
        ['POST', '/api/v1/tasks/999/stage', { stage: 'x' }, 404], ['POST', '/api/v1/tasks/999/stage', {}, 422, '/stage'],
        ['GET', '/api/v1/tasks?limit=0', undefined, 400], ['GET', '/api/v1/tasks?after=-1', undefined, 400],
        ['GET', '/api/v1/jobs?state=sleeping', undefined, 400], ['GET', '/api/v1/jobs?limit=x', undefined, 400],
        ['GET', '/api/v1/jobs/0', undefined, 404], ['GET', '/api/v1/jobs/99999999999999999999', undefined, 404],
        ['POST', '/api/v1/jobs/999/cancel', {}, 404], ['POST', '/api/v1/jobs/999/retry', {}, 404],
        ['POST', '/api/v1/jobs/lease', {}, 422, '/worker'], ['POST', '/api/v1/jobs/lease', { worker: 'w' }, 422, '/agents'],
        ['POST', '/api/v1/jobs/lease', { worker: 'w', agents: [] }, 422, '/agents'],
        ['POST', '/api/v1/jobs/lease', { worker: 'w', agents: ['nobody'] }, 422, '/agents/0'],
        ['POST', '/api/v1/jobs/lease', { worker: 'w', agents: ['a'], wait_s: 3600 }, 422, '/wait_s'],
        ['POST', '/api/v1/jobs/lease', { worker: 'w', agents: ['a'], max: 0 }, 422, '/max'],
        ['POST', '/api/v1/jobs/1/heartbeat', {}, 422, '/lease_token'], ['POST', '/api/v1/jobs/1/complete', {}, 422, '/lease_token'],
        ['POST', '/api/v1/jobs/1/fail', { lease_token: 'x', class: 'maybe' }, 422, '/class'],
        ['POST', '/api/v1/jobs/1/complete', { lease_token: 'x', cost_usd: -1 }, 422, '/cost_usd'],
        ['POST', '/api/v1/jobs/1/complete', { lease_token: 'x', input_tokens: -1 }, 422, '/input_tokens'],
        ['GET', '/api/v1/runs/999', undefined, 404], ['GET', '/api/v1/runs/999/output', undefined, 404],
        ['GET', '/api/v1/runs?job_id=x', undefined, 400],
        ['POST', '/api/v1/queue/pause', { agent: 'nobody' }, 422, '/agent'], ['POST', '/api/v1/queue/resume', { agent: 3 }, 422, '/agent'],
        ['POST', '/api/v1/tokens', {}, 422, '/name'], ['POST', '/api/v1/tokens', { name: 'x', role: 'king' }, 422, '/role'],
        ['POST', '/api/v1/tokens', { name: 'x', role: 'viewer', expires_at: '2001-01-01T00:00:00Z' }, 422, '/expires_at'],
        ['DELETE', '/api/v1/tokens/999', undefined, 404], ['GET', '/api/v1/events?subject=a..b', undefined, 400],
        ['GET', '/api/v1/nothing', undefined, 404], ['DELETE', '/api/v1/jobs', undefined, 405], ['POST', '/metrics', {}, 405],
    ];
    for (const one of cases) await refused(node, ...one);
    assert.equal((await node.get('/metrics')).status, 200);
});

test('roles: a token may do what its role says and nothing more', async (t) => {
    const node = await startNode(t, { config });
    const token = async (role) => (await node.post('/api/v1/tokens', { name: role, role })).json;
    const scheduler = await token('scheduler'), viewer = await token('viewer'), agent = await token('agent');
    const as = (who) => ({ Authorization: `Bearer ${who.token}` });
    assert.equal((await node.post('/api/v1/jobs', { agent: 'plain' }, as(scheduler))).status, 201);
    await refused(node, 'POST', '/api/v1/tokens', { name: 'x', role: 'admin' }, 403, undefined, as(scheduler));
    await refused(node, 'POST', '/api/v1/queue/pause', {}, 403, undefined, as(scheduler));
    assert.equal((await node.get('/api/v1/jobs', as(viewer))).status, 200);
    await refused(node, 'POST', '/api/v1/jobs', { agent: 'plain' }, 403, undefined, as(viewer));
    assert.equal((await node.post('/api/v1/jobs/lease', { worker: 'w', agents: ['plain'] }, as(agent))).status, 200);
    await refused(node, 'GET', '/api/v1/jobs', undefined, 401, undefined, { Authorization: 'Bearer muster_wrong' });
    assert.equal((await node.request('DELETE', `/api/v1/tokens/${viewer.id}`)).status, 204);
    await node.waitFor(async () => (await node.get('/api/v1/jobs', as(viewer))).status === 401, 'the revoked token to be refused');
    const audit = (await node.get('/api/v1/audit?limit=1000')).json.entries;
    const denied = audit.filter((entry) => entry.result === 'denied');
    assert.ok(denied.some((entry) => entry.actor === 'token:viewer' && entry.action === 'POST /api/v1/jobs'));
    assert.ok(audit.some((entry) => entry.action === 'POST /api/v1/tokens' && entry.result === 'success'));
    assert.ok(!JSON.stringify(audit).includes(scheduler.token), 'no secret in the audit log');
});
