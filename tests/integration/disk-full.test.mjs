// spec 10 D6: a full disk refuses writes with 507, reads go on, nothing acknowledged is lost, and it recovers by itself.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, job, shellAgent, waitJob } from '../lib/agents.mjs';
import { muster, prepareNode, temporaryFolder } from '../lib/node.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { waitUntil } from '../lib/wait.mjs';

test('D6 disk full', async (t) => {
    const dir = temporaryFolder(t);
    const data = path.join(dir, 'data');
    mkdirSync(data);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', data]);
    atEnd(t, () => execFileSync('umount', ['-l', data]));
    const node = prepareNode(t, { dir, config: `${shellAgent('echo done > "$1"; exit 5', { more: 'max_attempts = 1' })}agent "ext" { }\n` });
    await node.start();
    const acknowledged = [];
    acknowledged.push((await addJob(node, { agent: 'ext', prompt: 'before' })).id);
    // A run that ends while the disk is full: its result waits for the store.
    const gate = path.join(node.dir, 'gate');
    const waiting = await addJob(node, { agent: 'ext' });
    acknowledged.push(waiting.id);

    const filler = path.join(data, 'filler');
    const fill = () => {
        for (let block = 1 << 20; block >= 512; block >>= 1) {
            for (;;) {
                try {
                    writeFileSync(filler, Buffer.alloc(block), { flag: 'a' });
                } catch {
                    break;
                }
                if (statfsSync(data).bavail === 0) break;
            }
        }
    };
    fill();
    let refused = null;
    await node.waitFor(async () => {
        const answer = await node.post('/api/v1/jobs', { agent: 'ext', prompt: 'x'.repeat(100_000) });
        if (answer.status === 201) acknowledged.push(answer.json.id);
        else refused = answer;
        fill();
        return refused;
    }, 'a write to be refused');
    assert.equal(refused.status, 507, refused.text);
    assert.equal(refused.headers['content-type'].split(';')[0], 'application/problem+json');

    for (const id of acknowledged) assert.equal((await job(node, id)).state, 'queued', 'reads go on');
    assert.equal((await node.get('/metrics')).status, 200);
    assert.equal((await node.get('/api/health')).json.status, 'unhealthy');

    rmSync(filler);
    const again = await node.waitFor(async () => {
        const answer = await node.post('/api/v1/jobs', { agent: 'ext', prompt: 'after' });
        return answer.status === 201 && answer.json;
    }, 'writes to be taken again, without a restart');
    acknowledged.push(again.id);
    const { id } = await addJob(node, { agent: 'sh', args: [gate] });
    assert.equal((await waitJob(node, id, 'failed')).runs[0].exit_code, 5);
    assert.ok(existsSync(gate));

    await node.crash();
    await node.start();
    for (const one of acknowledged) assert.equal((await job(node, one)).id, one, 'nothing acknowledged is lost');
    await node.stop();
    const doctor = await muster(['doctor'], { node });
    assert.equal(doctor.code, 0, doctor.stdout);
});

test('D6 a run that ends while the disk is full is booked once there is room', async (t) => {
    const dir = temporaryFolder(t);
    const data = path.join(dir, 'data');
    mkdirSync(data);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', data]);
    atEnd(t, () => execFileSync('umount', ['-l', data]));
    const node = prepareNode(t, { dir, config: shellAgent('echo x > "$1"; until [ -e "$1.go" ]; do sleep 0.02; done; exit 9', { more: 'max_attempts = 1' }) });
    await node.start();
    const mark = path.join(node.dir, 'mark');
    const { id } = await addJob(node, { agent: 'sh', args: [mark] });
    await waitUntil(() => existsSync(mark), 'the agent to run');
    await node.waitFor(async () => (await job(node, id)).runs[0].pid, 'its pid to be known');
    const filler = path.join(data, 'filler');
    for (let block = 1 << 20; block >= 512; block >>= 1) {
        try {
            for (;;) writeFileSync(filler, Buffer.alloc(block), { flag: 'a' });
        } catch {
            continue;
        }
    }
    writeFileSync(`${mark}.go`, '');
    await waitUntil(() => node.lines.some((line) => line.includes('cannot be booked')) || node.runProcesses().length === 1, 'the end of the agent to be noticed');
    assert.equal((await job(node, id)).state, 'running', 'not acknowledged before it is durable');
    rmSync(filler);
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.runs[0].exit_code, 9);
    assert.equal(failed.runs.length, 1);
});
