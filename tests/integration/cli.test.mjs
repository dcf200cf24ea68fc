// Every verb of the command line that changes something, against a node: it does so, says what came of it, and the same as JSON.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { muster, startNode } from '../lib/node.mjs';
import { waitUntil } from '../lib/wait.mjs';

const config = 'max_concurrency = 1\nagent "quick" { command = { "true" } }\nagent "slow" { command = { "sleep", "300" } stop { grace = "1s" } }\nagent "remote" { }\n' +
    'workflow "fix" { stages = { "write", "review" } }\n';

const caller = (node) => async (...args) => {
    const { code, stdout, stderr } = await muster([...args, '--json'], { node });
    assert.equal(code, 0, `muster ${args.join(' ')}: ${stderr}`);
    return stdout ? JSON.parse(stdout) : null;
};

test('jobs can be added, cancelled, retried, paused and resumed from the command line', async (t) => {
    const node = await startNode(t, { config });
    const call = caller(node);
    const queued = await call('jobs', 'add', 'remote', '--prompt', 'x', '--priority', '7');
    assert.equal(queued.priority, 7);
    assert.equal((await call('jobs', 'cancel', String(queued.id))).state, 'cancelled');
    assert.equal((await call('jobs', 'retry', String(queued.id))).state, 'queued');

    await call('jobs', 'pause', 'quick', '--reason', 'quota');
    const held = await call('jobs', 'add', 'quick');
    assert.equal((await call('jobs', 'show', String(held.id))).state, 'queued');
    await call('jobs', 'resume', 'quick');
    await waitUntil(async () => (await call('jobs', 'show', String(held.id))).state === 'done', 'the job to run');

    const running = await call('jobs', 'add', 'slow');
    await waitUntil(async () => (await call('agents')).runs?.length || (await call('status')).live_runs > 0, 'the run to live');
    await call('jobs', 'cancel', String(running.id));
    await waitUntil(async () => (await call('jobs', 'show', String(running.id))).state === 'cancelled', 'the running job to end');
});

test('tasks and tokens can be made, moved and revoked from the command line', async (t) => {
    const node = await startNode(t, { config });
    const call = caller(node);
    const task = await call('tasks', 'add', 'ISSUE-1', '--workflow', 'fix', '--title', 'é “quoted”');
    assert.equal(task.stage, 'write');
    assert.equal((await call('tasks', 'stage', String(task.id), 'cancelled', '--reason', 'no')).stage, 'cancelled');
    const token = await call('tokens', 'create', 'ci', '--role', 'viewer', '--expires', '24h');
    assert.match(token.token, /^\S{32,}$/);
    await call('tokens', 'revoke', String(token.id));
});

test('what the node refuses is one line on standard error and exit code 1', async (t) => {
    const node = await startNode(t, { config });
    for (const args of [['jobs', 'cancel', '99'], ['jobs', 'add', 'nobody'], ['tasks', 'stage', '99', 'x'], ['tokens', 'revoke', '99']]) {
        const { code, stdout, stderr } = await muster(args, { node });
        assert.equal(code, 1, args.join(' '));
        assert.equal(stdout, '');
        assert.match(stderr, new RegExp(`^muster ${args[0]}: [^\\n]+\\n$`));
    }
});
