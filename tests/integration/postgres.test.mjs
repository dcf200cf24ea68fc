// spec 10 D1, 20 Q5, issue 7: the node on PostgreSQL; the database and the node are killed under load; several nodes share one.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, countLines, job, shellAgent, waitJob } from '../lib/agents.mjs';
import { muster, startNode } from '../lib/node.mjs';
import { startPostgres } from '../lib/postgres.mjs';
import { kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const metrics = async (node) => (await node.get('/metrics')).json;
// `$1` gets a line per start.
const note = 'echo started >> "$1"';

async function assertDoctor(node) {
    const doctor = await muster(['doctor'], { node });
    assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr);
}

test('a node on PostgreSQL runs jobs and moves tasks, and is there again after a restart', async (t) => {
    const server = await startPostgres(t);
    const config = `store = "${server.url()}"\n` + shellAgent('echo "$1"; exit "$2"', { more: 'max_attempts = 1' });
    const node = await startNode(t, { config });
    const task = await node.post('/api/v1/tasks', { work_item: 'W-1', stage: 'plan' });
    assert.equal(task.status, 201, task.text);
    const good = await addJob(node, { agent: 'sh', args: ['äöü', '0'], task_id: task.json.id });
    const bad = await addJob(node, { agent: 'sh', args: ['x', '7'] });
    assert.equal((await waitJob(node, good.id, 'done')).runs[0].exit_code, 0);
    assert.equal((await waitJob(node, bad.id, 'failed')).cause, 'exit 7');
    await node.restart();
    assert.equal((await job(node, good.id)).state, 'done');
    const { queue } = await metrics(node);
    assert.deepEqual([queue.counts.done, queue.counts.failed], [1, 1]);
    await assertDoctor(node);
});

test('a password in the name of the store stands in no log and in no message', async (t) => {
    const server = await startPostgres(t);
    const url = server.url().replace('postgres@', 'postgres:s3cr3t@');
    const node = await startNode(t, { config: `store = "${url}"` });
    await server.stop('SIGQUIT');
    await node.waitFor(async () => (await node.post('/api/v1/tasks', { work_item: 'W', stage: 'plan' })).status === 503, 'the node to say that the store is away', 60_000);
    await server.start();
    await node.waitFor(async () => (await node.post('/api/v1/tasks', { work_item: 'W', stage: 'plan' })).status === 201, 'the store to be used again', 60_000);
    const shown = await muster(['config', 'show'], { node });
    const status = await node.get('/api/v1/status');
    assert.ok(status.json.store.includes('postgres:***@'), status.text);
    for (const text of [node.log, shown.stdout, shown.stderr, status.text]) assert.ok(!text.includes('s3cr3t'), text);
    await node.stop();
    await server.stop();
    const doctor = await muster(['doctor'], { node });
    assert.ok(!(doctor.stdout + doctor.stderr).includes('s3cr3t'), doctor.stderr);
});

test('node and database are killed under load: what was acknowledged is there and runs once', { timeout: 300_000 }, async (t) => {
    const server = await startPostgres(t);
    const config = `store = "${server.url()}"\nmax_concurrency = 8\n` + shellAgent(note, { more: 'max_attempts = 5 breaker { failures = 32 window = "1ms" }' });
    const node = await startNode(t, { config });
    const jobs = new Map();
    let sent = 0, over = false;
    const send = async () => {
        while (!over) {
            const file = path.join(node.dir, `started-${sent++}`);
            const answer = await node.post('/api/v1/jobs', { agent: 'sh', args: [file] }).catch(() => null);
            if (answer?.status === 201) jobs.set(answer.json.id, file);
        }
    };
    const senders = [send(), send(), send()];
    for (let round = 0; round < 4; round++) {
        const before = jobs.size;
        await waitUntil(() => jobs.size >= before + 15, 'jobs to be taken', 60_000);
        if (round % 2) {
            await node.crash();
            await node.start();
        } else {
            await server.stop('SIGQUIT');
            await server.start();
        }
    }
    over = true;
    await Promise.all(senders);
    for (const [id, file] of jobs) {
        const ended = await waitJob(node, id, ['done', 'failed'], 60_000);
        assert.equal(ended.state, 'done', JSON.stringify(ended));
        assert.equal(countLines(file), 1, `job ${id} was started once`);
    }
    await node.stop();
    await assertDoctor(node);
});

// A node that is gone with its host: its shims and agents too.
async function lose(node) {
    node.kill('SIGSTOP'); // so that it books nothing of what is killed here
    for (const one of node.runProcesses()) kill(one.pid, 'SIGKILL');
    await node.crash();
}

// 2,000 where there is time for it.
const count = Number(process.env.MUSTER_NODES_JOBS ?? 150);
test(`three nodes share a database: ${count} jobs, each run once; one node is lost and its jobs come back`, { timeout: 600_000 }, async (t) => {
    const server = await startPostgres(t);
    const more = 'max_attempts = 3 breaker { failures = 32 window = "1ms" }';
    const config = `store = "${server.url()}"\nnode_lease = "3s"\nmax_concurrency = 6\n` +
        shellAgent(note, { more }) + shellAgent('echo started >> "$1"; while [ ! -e "$2" ]; do sleep 0.1; done', { name: 'gate', more });
    const nodes = await Promise.all([1, 2, 3].map(() => startNode(t, { config }))); // all at once: one of them migrates
    assert.equal(server.query('SELECT count(*) FROM settings WHERE key = \'instance_id\''), '1');

    // Each node is given work, and has some of it running when it is lost.
    const gate = path.join(nodes[0].dir, 'gate');
    const held = [];
    for (let i = 0; i < 12; i++) {
        const file = path.join(nodes[0].dir, `held-${i}`);
        held.push({ file, id: (await addJob(nodes[i % 3], { agent: 'gate', args: [file, gate], priority: 1 })).id });
    }
    await waitUntil(() => held.every((one) => existsSync(one.file)), 'all of them to run', 60_000);
    const owner = readFileSync(path.join(nodes[2].dataDir, 'node_id'), 'utf8');
    const lost = server.query(`SELECT id FROM jobs WHERE state = 'running' AND node = '${owner}'`).split('\n').map(Number);
    assert.ok(lost[0] > 0, 'the third node has taken some');
    await lose(nodes[2]);

    const files = [];
    let next = 0;
    const send = async (node) => {
        while (next < count) {
            const file = path.join(nodes[0].dir, `started-${next++}`);
            files.push({ file, id: (await addJob(node, { agent: 'sh', args: [file] })).id });
        }
    };
    await Promise.all([send(nodes[0]), send(nodes[1]), send(nodes[0]), send(nodes[1])]);
    await waitUntil(() => held.filter((one) => lost.includes(one.id)).every((one) => countLines(one.file) === 2), 'what the lost node ran to be started again', 120_000);
    for (const one of held) if (!lost.includes(one.id)) assert.equal(countLines(one.file), 1, `job ${one.id} was not lost`);
    writeFileSync(gate, '');
    await waitUntil(async () => (await metrics(nodes[1])).queue.counts.done === count + held.length, 'all to be done', 300_000);
    for (const { file, id } of files) assert.equal(countLines(file), 1, `job ${id} was started once`);
    const shares = server.query('SELECT count(*) FROM runs WHERE outcome = \'exited\' GROUP BY node').split('\n').map(Number);
    assert.equal(shares.length, 2, `both nodes have worked: ${shares}`);
    for (const node of nodes.slice(0, 2)) await node.stop();
    await assertDoctor(nodes[0]);
});

test('what one node is told another one hears at once: work, pauses, tokens, cancels', async (t) => {
    const server = await startPostgres(t);
    // A poll interval of an hour: only what is heard wakes a node.
    const config = `store = "${server.url()}"\npoll_interval = "1h"\n` + shellAgent('exec sleep 1000', { more: 'max_attempts = 1' });
    const idle = await startNode(t, { config: `max_concurrency = 0\n${config}` });
    const busy = await startNode(t, { config });
    const { id } = await addJob(idle, { agent: 'sh', args: [] });
    await waitJob(busy, id, 'running');
    const cancelled = await idle.post(`/api/v1/jobs/${id}/cancel`);
    assert.ok(cancelled.status < 300, cancelled.text);
    await waitJob(busy, id, 'cancelled', 60_000);
    await idle.post('/api/v1/queue/pause', {});
    await busy.waitFor(async () => (await busy.get('/api/v1/status')).json.paused === true, 'the pause to be heard');
    const token = (await idle.post('/api/v1/tokens', { name: 'x', role: 'viewer' })).json;
    const headers = { Authorization: `Bearer ${token.token}` };
    await busy.waitFor(async () => (await busy.get('/api/v1/jobs', headers)).status === 200, 'the token to be known');
    await idle.request('DELETE', `/api/v1/tokens/${token.id}`);
    await busy.waitFor(async () => (await busy.get('/api/v1/jobs', headers)).status === 401, 'the token to be revoked');
});
