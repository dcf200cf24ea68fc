// `muster up`: what it prints can be typed as it stands, by root and by others, wherever they are.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { atEnd } from '../lib/cleanup.mjs';
import { binary, environmentFor, muster, prepareNode, run, shimBinary, startNode, temporaryFolder } from '../lib/node.mjs';
import { stat, tree } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const profile = 'agent "echo" { command = { "echo", "{prompt}" } }';

async function greeting(node) {
    const text = await waitUntil(() => node.log.match(/^muster is up\.\n[^]*?Ctrl-C stops muster/m)?.[0], 'the greeting');
    const lines = text.split('Try next, in another terminal:\n')[1].split('\n\n')[0].split('\n');
    return { text, commands: lines.map((line) => line.trim().split(/ {3,}/)[0]) };
}

test('every command that muster up prints works from another folder and another environment', async (t) => {
    const node = prepareNode(t, { config: profile, args: ['up'] });
    await node.start();
    const { text, commands } = await greeting(node);
    assert.ok(text.includes(node.socket) && text.includes(node.dataDir) && text.includes(`127.0.0.1:${node.port}`), text);
    assert.ok(commands.length >= 3, text);
    const elsewhere = temporaryFolder(t);
    for (const command of commands) {
        const { code, stdout, stderr } = await run(['sh', '-c', command], { cwd: elsewhere, env: environmentFor(elsewhere) });
        assert.equal(code, 0, `${command}: ${stdout}${stderr}`);
    }
    await node.stop();
});

test('whoever kills muster up ends what it started, and the next one serves', async (t) => {
    const node = prepareNode(t, { config: profile, args: ['up'] });
    await node.start();
    const below = () => tree(node.pid).filter((s) => s.ppid === node.pid);
    await waitUntil(() => below().length >= 2, 'the node and the scheduler');
    const started = below();
    await node.crash();
    await waitUntil(() => started.every((s) => stat(s.pid)?.startTicks !== s.startTicks), 'them to end');
    await node.start();
    assert.equal((await node.get('/healthz')).status, 200);
    await node.stop();
});

test('a socket whose folder is not there yet is made, and others may enter', async (t) => {
    const dir = temporaryFolder(t);
    const node = await startNode(t, { dir, env: { MUSTER_SOCKET: path.join(dir, 'run/muster/node.sock') } });
    assert.equal(statSync(path.join(dir, 'run/muster')).mode & 0o777, 0o755);
    const status = await muster(['status', '--json'], { node, env: { MUSTER_SOCKET: path.join(dir, 'run/muster/node.sock') } });
    assert.equal(status.code, 0, status.stderr);
});

test('a command without a node says so in one line that speaks of the socket', async (t) => {
    const dir = temporaryFolder(t);
    const { code, stdout, stderr } = await muster(['status'], { env: { MUSTER_SOCKET: path.join(dir, 'no.sock') } });
    assert.equal(code, 3);
    assert.equal(stdout, '');
    assert.match(stderr, /^muster status: no node answers on \S+no\.sock: No such file or directory; .*\n$/);
});

// XDG_RUNTIME_DIR as su leaves it: of somebody else, or of a session that never was.
for (const [what, runtime] of [['none', undefined], ['one that is not there', '/run/user/65534'], ['the one of another user', '/run']])
    test(`another user can serve and be served, with ${what} as runtime directory`, { skip: process.getuid() !== 0 && 'NOT TESTED: needs root' }, async (t) => {
        const dir = temporaryFolder(t, 'muster-other-');
        for (const file of [binary, shimBinary]) {
            copyFileSync(file, path.join(dir, path.basename(file)));
            chmodSync(path.join(dir, path.basename(file)), 0o755);
        }
        for (const sub of ['', 'home', 'tmp', 'data']) {
            mkdirSync(path.join(dir, sub), { recursive: true });
            chownSync(path.join(dir, sub), 65534, 65534);
        }
        const as = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
        const env = { ...environmentFor(dir), MUSTER_LISTEN: '127.0.0.1:0', ...(runtime ? { XDG_RUNTIME_DIR: runtime } : {}) };
        const up = run([...as, 'sh', '-c', 'echo $$ >pid; exec ./muster up >up.log 2>&1'], { cwd: dir, env });
        const pid = await waitUntil(async () => Number((await run(['cat', 'pid'], { cwd: dir, env })).stdout), 'its pid');
        atEnd(t, async () => {
            try { process.kill(pid, 'SIGINT'); } catch { /* it has ended */ }
            await up;
        });
        await waitUntil(async () => {
            const { stdout } = await run(['cat', 'up.log'], { cwd: dir, env });
            if (stdout.includes('could not start')) return { failed: stdout };
            return stdout.includes('Ctrl-C stops');
        }, 'the greeting', 30_000).then((seen) => assert.equal(seen.failed, undefined, seen.failed));
        const status = await run([...as, './muster', 'status', '--json'], { cwd: dir, env });
        assert.equal(status.code, 0, status.stderr);
        assert.equal(JSON.parse(status.stdout).ready, true);
        process.kill(pid, 'SIGINT');
        assert.equal((await up).code, 0);
    });
