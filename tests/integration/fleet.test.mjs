// spec 00 Liveness, spec 20 Q16, spec 70: agents that muster did not start, their verdicts, hooks and reports.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { atEnd } from '../lib/cleanup.mjs';
import { agents, fakeAgent, startAgent, waitAgent, waitVerdict } from '../lib/fleet.mjs';
import { binary, discovering, muster, run, startNode, temporaryFolder } from '../lib/node.mjs';
import { children, kill, stat, tree } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const quick = 'fleet {\n interval = "200ms"\n hung_after = "2s"\n}';

test('Q16: an agent CLI that nobody configured is found, with pid, start, folder, repo and no made-up rest', async (t) => {
    const dir = temporaryFolder(t);
    const repo = path.join(dir, 'repo');
    mkdirSync(path.join(repo, '.git'), { recursive: true });
    const before = await fakeAgent(t, path.join(repo, 'sub'));
    const node = await startNode(t, { env: discovering, config: quick });
    const found = await waitAgent(node, before.pid);
    assert.equal(found.origin, 'discovered');
    assert.equal(found.vendor, 'claude');
    assert.equal(found.start_ticks, stat(before.pid).startTicks);
    assert.equal(found.cwd, path.join(repo, 'sub'));
    assert.equal(found.repo, repo);
    assert.deepEqual([found.terminal, found.transcript, found.session_id, found.run_id], [null, null, null, null]);
    assert.equal(found.is_accessible, true);
    const after = await fakeAgent(t, path.join(dir, 'other'), 'opencode');
    assert.equal((await waitAgent(node, after.pid)).vendor, 'opencode');
    kill(after.pid);
    const gone = await waitVerdict(node, after.pid, 'dead');
    assert.equal(gone.status, 'failed');
    assert.match(gone.liveness.cause, /gone/);
});

test('Q16: discovery can be switched off, and a matcher of the configuration finds more', async (t) => {
    const dir = temporaryFolder(t);
    const agent = await fakeAgent(t, dir, 'my-worker');
    const node = await startNode(t, { env: discovering, config: 'fleet {\n interval = "200ms"\n matchers = { "mine=my-worker" }\n}' });
    assert.equal((await waitAgent(node, agent.pid)).vendor, 'mine');
    node.configure('fleet {\n interval = "200ms"\n discover = false\n}');
    await node.restart();
    const other = await fakeAgent(t, path.join(dir, 'x'), 'claude');
    const { id } = (await node.post('/api/v1/agents', { name: 'seen', session_id: 's', process_id: other.pid })).json;
    await node.waitFor(async () => (await node.get(`/api/v1/agents/${id}`)).json.evidence?.samples > 2, 'some looks');
    assert.deepEqual((await agents(node)).map((a) => a.origin), ['registered']);
});

test('a matcher that is none is an error of the configuration, with its place', async (t) => {
    const dir = temporaryFolder(t);
    const file = path.join(dir, 'muster.conf');
    writeFileSync(file, 'fleet {\n matchers = { "reviewer" }\n}\n');
    const checked = await muster(['config', 'check', '--config', file]);
    assert.equal(checked.code, 2);
    assert.match(checked.stderr + checked.stdout, /muster\.conf:2.*NAME=WORD/);
});

test('a run of the queue is not discovered a second time', async (t) => {
    const dir = temporaryFolder(t);
    const fake = await fakeAgent(t, dir);
    const node = await startNode(t, { env: discovering, config: `${quick}\nagent "sh" {\n command = { "${path.join(dir, 'claude')}", "600" }\n}` });
    await node.post('/api/v1/jobs', { agent: 'sh' });
    await waitAgent(node, fake.pid);
    const runAgent = await node.waitFor(async () => (await agents(node)).find((a) => a.origin === 'run' && a.liveness), 'the run to be looked at');
    assert.equal(runAgent.vendor, 'claude');
    const both = (await agents(node)).filter((a) => [fake.pid, runAgent.pid].includes(a.pid)); // others may run on this host
    assert.deepEqual(both.map((a) => a.origin).sort(), ['discovered', 'run']);
});

test('one that was discovered and is then registered, itself or from above, is one agent', async (t) => {
    const dir = temporaryFolder(t);
    const node = await startNode(t, { env: discovering, config: quick });
    const fake = await fakeAgent(t, dir);
    const below = await startAgent(t, ['sh', '-c', `"${path.join(dir, 'claude')}" 600; true`], { cwd: dir });
    const child = await waitUntil(() => tree(below.pid).find((s) => s.comm === 'claude'), 'the program');
    for (const pid of [fake.pid, child.pid]) assert.equal((await waitAgent(node, pid)).origin, 'discovered');
    for (const process_id of [fake.pid, below.pid]) await node.post('/api/v1/agents', { name: 'told', session_id: 's', process_id });
    const pids = [fake.pid, below.pid, child.pid];
    const left = await node.waitFor(async () => {
        const seen = (await agents(node)).filter((a) => pids.includes(a.pid));
        if (seen.length === 2 && seen.every((a) => a.liveness)) return seen;
        throw new Error(JSON.stringify(seen));
    }, 'one agent for each');
    assert.deepEqual(left.map((a) => [a.origin, a.pid]).sort(), [['registered', fake.pid], ['registered', below.pid]].sort());
});

test('a stopped agent is neither hung nor dead, and goes on when it is continued', async (t) => {
    const agent = await fakeAgent(t, temporaryFolder(t));
    const node = await startNode(t, { env: discovering, config: quick });
    await waitAgent(node, agent.pid, (a) => a.liveness);
    kill(agent.pid, 'SIGSTOP');
    const stopped = await waitAgent(node, agent.pid, (a) => a.evidence.process_state === 'T', 'the stop to be seen');
    assert.equal(stopped.liveness.verdict, 'unknown');
    assert.match(stopped.liveness.cause, /stopped by a signal/);
    assert.equal(stopped.status, 'active');
    kill(agent.pid, 'SIGCONT');
    await waitAgent(node, agent.pid, (a) => a.evidence.process_state === 'S' && !/stopped/.test(a.liveness.cause), 'it to go on');
});

for (const [kind, shell] of [['pipe', 'sleep 600 | exec "$0"'], ['socket', 'exec "$0"']]) {
    test(`an agent that reads a ${kind} which somebody keeps open is hung on standard input, and its health says so`, async (t) => {
        const dir = temporaryFolder(t);
        copyFileSync('/bin/cat', path.join(dir, 'claude'));
        const node = await startNode(t, { env: discovering, config: quick });
        // node gives its children sockets, a shell gives them pipes
        const held = await startAgent(t, ['sh', '-c', shell, path.join(dir, 'claude')], { cwd: dir, stdio: ['pipe', 'ignore', 'ignore'] });
        const cat = await waitUntil(() => [stat(held.pid), ...tree(held.pid)].find((s) => s.comm === 'claude'), 'the program');
        const { id } = (await node.post('/api/v1/agents', { name: 'cat', session_id: 's', process_id: cat.pid })).json;
        const hung = await node.waitFor(async () => {
            const now = (await node.get(`/api/v1/agents/${id}`)).json;
            if (now.liveness?.verdict === 'hung_stdin') return now;
            throw new Error(JSON.stringify(now));
        }, 'hung_stdin', 60_000);
        assert.match(hung.liveness.cause, new RegExp(`a ${kind} on standard input`));
        assert.deepEqual([hung.evidence.stdin, hung.evidence.stdin_held_open, hung.evidence.reads_stdin], [kind, true, true]);
        const document = (await node.get('/api/v1/sessions/s/status?strategy=comprehensive')).json;
        assert.equal(document.agents[0].health_status, 'degraded');
        assert.match(document.agents[0].health_issues[0], /on standard input/);
    });
}

test('a zombie that nobody waits for is one', async (t) => {
    const node = await startNode(t, { env: discovering, config: quick });
    const dir = temporaryFolder(t);
    await fakeAgent(t, dir); // makes the program
    // exec keeps the child that it does not know of: nobody waits for it
    const parent = spawn('sh', ['-c', `${path.join(dir, 'claude')} 1 & exec sleep 600`], { stdio: 'ignore' });
    atEnd(t, () => kill(parent.pid));
    const child = await waitUntil(() => children(parent.pid)[0], 'the child');
    await waitAgent(node, child.pid);
    const zombie = await waitVerdict(node, child.pid, 'zombie');
    assert.equal(zombie.status, 'failed');
    assert.match(zombie.liveness.cause, /nobody has waited/);
});

test('a report is evidence, its reason is shown, and who is unknown is told so', async (t) => {
    const dir = temporaryFolder(t);
    const node = await startNode(t, { env: discovering, config: quick });
    writeFileSync(path.join(dir, 'say'), `#!/bin/sh\n"${binary}" report "$@" --config "${node.configPath}"\n`, { mode: 0o755 });
    const agent = await fakeAgent(t, dir);
    await waitAgent(node, agent.pid);
    const known = (await agents(node)).find((a) => a.pid === agent.pid);
    assert.equal((await muster(['report', 'stuck', '--reason', 'no credentials', '--agent', known.id], { node })).code, 0);
    const stuck = await waitVerdict(node, agent.pid, 'waiting_input');
    assert.match(stuck.liveness.cause, /no credentials/);
    assert.equal(stuck.evidence.reported, 'stuck');
    const unknown = await muster(['report', 'working', '--agent', 'nobody'], { node });
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /no agent "nobody"/);
});

test('hooks tell the turn; a hook ends with 0 and says nothing, whatever it is given and whether a node is there or not', async (t) => {
    const dir = temporaryFolder(t);
    const node = await startNode(t, { env: discovering, config: quick });
    mkdirSync(dir, { recursive: true });
    const inbox = path.join(dir, 'inbox');
    // An agent that hands each line it reads to its hook, as a CLI does.
    writeFileSync(path.join(dir, 'claude.py'), `import os, subprocess, sys
open(${JSON.stringify(inbox)} + '.ready', 'w').close()
for line in sys.stdin:
    p = subprocess.run([${JSON.stringify(binary)}, 'hook', 'claude', '--config', ${JSON.stringify(node.configPath)}], input=line.encode(), capture_output=True)
    open(${JSON.stringify(inbox)}, 'a').write(f'{p.returncode} {len(p.stdout)} {len(p.stderr)}\\n')
`);
    mkdirSync(path.join(dir, 'bin'));
    symlinkSync(path.join(dir, 'claude.py'), path.join(dir, 'bin', 'claude'));
    const agent = await startAgent(t, ['python3', path.join(dir, 'bin', 'claude')], { cwd: dir, stdio: ['pipe', 'ignore', 'ignore'] });
    await waitAgent(node, agent.pid);
    let sent = 0;
    const hook = async (event) => {
        agent.child.stdin.write(`${typeof event === 'string' ? event : JSON.stringify(event)}\n`);
        sent++;
        const lines = await waitUntil(() => {
            const all = readFileSync(inbox, 'utf8').split('\n'); // whole lines: the file is there before its text is
            return all.length === sent + 1 && all.slice(0, -1);
        }, 'the hook to end', 30_000);
        assert.equal(lines.at(-1), '0 0 0');
    };
    await hook({ hook_event_name: 'PermissionRequest', session_id: 'sid', tool_name: 'Bash', tool_input: { command: 'secret' } });
    const asks = await waitVerdict(node, agent.pid, 'waiting_permission');
    assert.equal(asks.agent_session, 'sid');
    await hook({ hook_event_name: 'Stop', session_id: 'sid', last_assistant_message: 'secret' });
    await waitVerdict(node, agent.pid, 'idle');
    await hook({ hook_event_name: 'StopFailure', error: 'rate_limit', session_id: 'sid' });
    await waitVerdict(node, agent.pid, 'rate_limited');
    await hook('no JSON');
    await hook('{"hook_event_name":"NewEvent"}');
    await hook({ hook_event_name: 'SessionEnd', reason: 'exit', session_id: 'sid' });
    await waitVerdict(node, agent.pid, 'done');
    assert.doesNotMatch(node.log, /secret/);
    await node.stop();
    await hook({ hook_event_name: 'Stop' });
});

test('hooks are installed beside what is there, once, and taken out again to the byte', async (t) => {
    const dir = temporaryFolder(t);
    const home = path.join(dir, 'home');
    mkdirSync(path.join(home, '.claude'), { recursive: true });
    mkdirSync(path.join(dir, 'dotfiles'));
    const real = path.join(dir, 'dotfiles', 'settings.json');
    const text = `${JSON.stringify({ model: 'x', hooks: { Stop: [{ hooks: [{ type: 'command', command: 'notify-me' }] }] }, zzz: { b: 1, a: 2 } }, null, 2)}\n`;
    writeFileSync(real, text, { mode: 0o640 });
    symlinkSync(real, path.join(home, '.claude', 'settings.json'));
    const env = { HOME: home, PATH: process.env.PATH };
    const hook = (...args) => run([binary, 'hook', ...args], { cwd: dir, env });
    assert.equal((await hook('install', 'claude')).code, 0);
    const installed = JSON.parse(readFileSync(real, 'utf8'));
    assert.equal(installed.hooks.Stop.length, 2);
    assert.equal(installed.hooks.Stop[0].hooks[0].command, 'notify-me');
    assert.match(installed.hooks.PreToolUse[0].hooks[0].command, /muster hook claude$/);
    assert.equal(statSync(real).mode & 0o777, 0o640);
    assert.match((await hook('install', 'claude')).stdout, /claude: 0 hooks added/);
    assert.match((await hook('status')).stdout, /claude: 9 hooks/);
    assert.equal((await hook('remove')).code, 0);
    assert.equal(readFileSync(real, 'utf8'), text);
    assert.equal((await hook('install')).code, 0);
    assert.ok(JSON.parse(readFileSync(path.join(home, '.codex', 'hooks.json'), 'utf8')).hooks.Stop);
    assert.ok(JSON.parse(readFileSync(path.join(home, '.gemini', 'settings.json'), 'utf8')).hooks.BeforeTool);
    writeFileSync(real, '{"hooks": nonsense');
    const refused = await hook('install', 'claude');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /left as it is/);
    assert.equal(readFileSync(real, 'utf8'), '{"hooks": nonsense');
});

test('muster agents, agents explain and sessions show the node\'s words', async (t) => {
    const node = await startNode(t, { env: discovering, config: quick });
    const agent = await fakeAgent(t, temporaryFolder(t));
    await waitAgent(node, agent.pid, (a) => a.liveness);
    await node.post('/api/v1/agents', { name: 'worker-7', session_id: 'night shift', status: 'degraded' });
    const list = await muster(['agents'], { node });
    assert.equal(list.code, 0, list.stderr);
    assert.match(list.stdout, /discovered/);
    assert.match(list.stdout, /worker-7/);
    const { id } = (await agents(node)).find((a) => a.pid === agent.pid);
    const explained = await muster(['agents', 'explain', id], { node });
    assert.match(explained.stdout, /^cause {2}/m);
    assert.match(explained.stdout, new RegExp(`pid +${agent.pid}`));
    assert.match((await muster(['sessions'], { node })).stdout, /night shift +night shift +failed +50/);
    const one = await muster(['sessions', 'status', 'night shift'], { node });
    assert.match(one.stdout, /warning: Low session health score: 50\.0/);
    assert.equal((await muster(['agents', 'explain', 'nobody'], { node })).code, 1);
    const profiles = await muster(['agents', 'profiles'], { node });
    assert.equal(profiles.code, 0);
});
