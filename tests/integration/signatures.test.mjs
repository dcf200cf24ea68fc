// spec 00 Liveness: the signatures that no CLI shows on demand, rebuilt with a program that looks like Claude Code to /proc
// and on the disk (its registry of sessions and its transcript have the shapes of the real ones).
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { atEnd } from '../lib/cleanup.mjs';
import { agents, startAgent, waitAgent, waitVerdict } from '../lib/fleet.mjs';
import { discovering, startNode, temporaryFolder } from '../lib/node.mjs';
import { all, commandLine, kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const quick = 'fleet {\n interval = "250ms"\n hung_after = "1s"\n}';

// Claude writes both: who it is, and what was said.
const common = `import ctypes, json, os, signal, socket, subprocess, sys, time
home, cwd = os.environ['HOME'] + '/.claude', os.getcwd()
folder = home + '/projects/' + ''.join(c if c.isalnum() and c.isascii() else '-' for c in cwd)
os.makedirs(folder); os.makedirs(home + '/sessions')
transcript = open(folder + '/sid.jsonl', 'w')
def say(kind, content, **more):
    transcript.write(json.dumps({'type': kind, 'message': {'content': content, **more}}) + '\\n'); transcript.flush()
def register(status):
    start = open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19]
    name = home + '/sessions/%d.json' % os.getpid()
    open(name + '.new', 'w').write(json.dumps({'sessionId': 'sid', 'cwd': cwd, 'procStart': start, 'status': status}))
    os.rename(name + '.new', name)
def call(): say('assistant', [{'type': 'tool_use', 'name': 'Bash', 'input': {'command': 'ls'}}], stop_reason='tool_use')
def answer(): say('user', [{'type': 'tool_result', 'content': 'x'}])
register('busy')
say('user', 'do it')
`;

async function fake(t, program) {
    const dir = temporaryFolder(t);
    for (const sub of ['bin', 'home', 'work']) mkdirSync(path.join(dir, sub));
    writeFileSync(path.join(dir, 'claude.py'), common + program);
    symlinkSync(path.join(dir, 'claude.py'), path.join(dir, 'bin', 'claude'));
    const agent = await startAgent(t, ['python3', path.join(dir, 'bin', 'claude')], { cwd: path.join(dir, 'work'), env: { PATH: process.env.PATH, HOME: path.join(dir, 'home') }, stdio: 'ignore' });
    return { ...agent, dir };
}
const look = async (t, program, verdict) => {
    const node = await startNode(t, { env: discovering, config: quick }), agent = await fake(t, program);
    const seen = await waitVerdict(node, agent.pid, verdict);
    assert.equal(seen.vendor, 'claude');
    assert.equal(seen.agent_session, 'sid');
    return { node, agent, seen };
};

// A provider that takes a connection, sends some bytes and then does `after`.
function provider(t, after) {
    const server = net.createServer((socket) => {
        socket.on('error', () => {});
        socket.write('HTTP/1.1 200 OK\r\n\r\n', () => after(socket));
    });
    atEnd(t, () => server.close());
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

test('the only socket in CLOSE_WAIT: a hung stream, and the cause says so', async (t) => {
    const port = await provider(t, (socket) => socket.end());
    const { seen } = await look(t, `s = socket.create_connection(('127.0.0.1', ${port}))\ntime.sleep(600)\n`, 'hung_stream');
    assert.match(seen.liveness.cause, /CLOSE_WAIT/);
    assert.deepEqual([seen.evidence.connections_established, seen.evidence.connections_close_wait, seen.evidence.turn], [0, 1, 'open']);
    assert.equal(seen.status, 'degraded');
});

test('an open turn whose connection brings nothing more is hung; one that brings a byte now and then works', async (t) => {
    const silent = await provider(t, () => {});
    const slow = await provider(t, (socket) => {
        const timer = setInterval(() => socket.write('.'), 50);
        socket.on('close', () => clearInterval(timer));
    });
    const read = (port) => `s = socket.create_connection(('127.0.0.1', ${port}))\nwhile s.recv(100): pass\n`;
    const { node, seen } = await look(t, read(silent), 'hung_stream');
    assert.match(seen.liveness.cause, /19 bytes so far/);
    await node.stop();
    // a test that is starved sends nothing for a while: what it proves needs no short time
    const patient = await startNode(t, { env: discovering, config: 'fleet {\n interval = "250ms"\n}' }), working = await fake(t, read(slow));
    await waitAgent(patient, working.pid, (a) => a.evidence?.received_bytes > 40, 'some bytes');
    const { liveness, history } = (await patient.get(`/api/v1/agents/${(await agents(patient)).find((a) => a.pid === working.pid).id}`)).json;
    assert.equal(liveness.verdict, 'working');
    assert.ok(history.every((v) => !/hung|dead/.test(v.verdict)), JSON.stringify(history));
});

test('a loop of identical tool calls', async (t) => {
    const { seen } = await look(t, 'for i in range(6): call(); answer()\ntime.sleep(600)\n', 'looping');
    assert.match(seen.liveness.cause, /the last 6 tool calls were the same/);
    assert.equal(seen.status, 'degraded');
});

test('busy without progress: a loop, with how long; what runs below it would be a tool', async (t) => {
    const node = await startNode(t, { env: discovering, config: quick });
    // four of them, in the agent's own process group; and root sees to it that they get their share beside other tests
    const agent = await fake(t, 'for i in range(3):\n    if os.fork() == 0: break\nwhile True: pass\n');
    try {
        writeFileSync(`/proc/${agent.pid}/autogroup`, '-20');
    } catch { /* then they have to do with what they get */ }
    const seen = await waitVerdict(node, agent.pid, 'looping');
    assert.match(seen.liveness.cause, /has kept a CPU busy for .* since anything came in, was written or ran below it/);
});

test('an orphan that holds the pipe of a tool: not work for ever, and no death', async (t) => {
    const program = `call()
p = subprocess.Popen(['sh', '-c', '(sleep 600.%d &) ; exit 0' % os.getpid()], stdout=subprocess.PIPE, start_new_session=True)
p.wait(); p.stdout.read()
`;
    const node = await startNode(t, { env: discovering, config: quick }), agent = await fake(t, program);
    const seen = await waitAgent(node, agent.pid, (a) => /what the tool left behind/.test(a.liveness?.cause), 'the cause', 60_000);
    atEnd(t, () => {
        for (const s of all()) if (commandLine(s.pid).join(' ') === `sleep 600.${agent.pid}`) kill(s.pid);
    });
    assert.deepEqual([seen.liveness.verdict, seen.evidence.turn, seen.evidence.tools, seen.status], ['unknown', 'tool', 0, 'active']);
});

test('a process in uninterruptible sleep is named by the health check, and is neither hung nor dead', async (t) => {
    // who called vfork waits so until the child has another program
    const program = `libc = ctypes.CDLL(None)\nif libc.vfork() == 0:\n    libc.pause()\n`;
    const node = await startNode(t, { env: discovering, config: quick }), agent = await fake(t, program);
    const seen = await waitAgent(node, agent.pid, (a) => a.evidence?.process_state === 'D', 'the state');
    assert.doesNotMatch(seen.liveness.verdict, /hung|dead|zombie/);
    await node.post('/api/v1/agents', { name: 'd', session_id: 's', process_id: agent.pid });
    const [health] = (await node.get('/api/v1/sessions/s/status?strategy=comprehensive')).json.agents;
    assert.equal(health.health_status, 'degraded');
    assert.match(health.health_issues.join(), /1 processes in uninterruptible sleep/);
});

test('A3: an agent on another server is known by its heartbeats; a process of its number here is nobody', async (t) => {
    const node = await startNode(t, { config: quick });
    const here = await startAgent(t, ['sleep', '600']);
    const { id } = (await node.post('/api/v1/agents', { name: 'far', session_id: 's', server: 'elsewhere.example', process_id: here.pid, period_s: 600 })).json;
    const dead = (await node.post('/api/v1/agents', { name: 'far too', session_id: 's', server: 'elsewhere.example', process_id: 4194304, period_s: 600 })).json;
    const near = (await node.post('/api/v1/agents', { name: 'near', session_id: 's', process_id: here.pid })).json;
    await waitUntil(async () => (await node.get(`/api/v1/agents/${near.id}`)).json.evidence?.samples > 2, 'some looks');
    for (const far of [id, dead.id]) {
        const { json } = await node.get(`/api/v1/agents/${far}`);
        assert.deepEqual([json.status, json.is_accessible, json.liveness, json.evidence], ['active', true, null, undefined]);
    }
    const of = async (which) => (await node.get('/api/v1/sessions/s/status?strategy=comprehensive')).json.agents.find((a) => a.agent_id === which);
    const far = await of(id);
    assert.deepEqual([far.server, far.process_id, far.cpu_percent, far.memory_mb, far.file_descriptors, far.thread_count, far.health_status],
        ['elsewhere.example', here.pid, null, null, null, null, 'healthy']);
    kill(here.pid);
    await node.waitFor(async () => (await of(near.id)).status === 'failed', 'the agent here to have failed');
    assert.equal((await of(id)).status, 'active');
    await node.restart();
    assert.deepEqual([(await of(id)).status, (await of(dead.id)).is_accessible], ['active', true]);
    await node.request('PUT', `/api/v1/agents/${id}/heartbeat`, { period_s: 0.1 });
    await node.waitFor(async () => (await of(id)).status === 'offline', 'its heartbeats to be missed');
});
