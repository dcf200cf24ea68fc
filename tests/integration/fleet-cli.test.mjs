// spec 20 Q16, spec 00 Liveness: the real agent CLIs from npm, started by nobody that muster knows, against a model server
// that the test owns.  Each is found with its folder, and each scenario gets its verdict.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { agents, startAgent, waitAgent, waitVerdict } from '../lib/fleet.mjs';
import { MockModel } from '../lib/mock-model.mjs';
import { discovering, startNode, temporaryFolder } from '../lib/node.mjs';
import { kill } from '../lib/process.mjs';
import { absent, claude, codex, gemini } from '../lib/realcli.mjs';
import { waitUntil } from '../lib/wait.mjs';

// A model is called hung after two silent seconds here, so that no test waits five minutes.
const config = 'fleet {\n interval = "250ms"\n hung_after = "3s"\n}';

async function start(t, subject, prompt, { stdio = 'ignore', ...options } = {}) {
    const mock = await MockModel.start(t, options);
    const dir = temporaryFolder(t);
    subject.prepareHome(dir, mock.url);
    const node = await startNode(t, { env: discovering, config });
    const env = { PATH: process.env.PATH, ...subject.environment(dir, mock.url) };
    const agent = await startAgent(t, subject.argv(dir, prompt), { cwd: subject.workOf(dir), env, stdio });
    return { mock, dir, node, agent };
}

for (const subject of [codex, claude, gemini]) {
    const skip = absent(subject) ?? false;

    test(`${subject.name}: found with its folder and transcript; a stream that never begins is hung, and killed it is dead`, { skip }, async (t) => {
        const { mock, dir, node, agent } = await start(t, subject, 'dummy SC_HANG');
        const found = await waitAgent(node, agent.pid);
        assert.deepEqual([found.origin, found.vendor, found.cwd], ['discovered', subject.name, subject.workOf(dir)]);
        await mock.waitWaiting(1, 60_000);
        const hung = await waitVerdict(node, agent.pid, 'hung_stream');
        assert.match(hung.liveness.cause, /its turn is open and the provider's connection has brought nothing for \d+s/);
        assert.equal(hung.status, 'degraded');
        assert.ok(hung.transcript.startsWith(dir), hung.transcript);
        const own = (await agents(node)).filter((a) => a.origin === 'discovered' && a.cwd?.startsWith(dir)); // others may run on this host
        assert.equal(own.length, 1, 'one agent, however many processes');
        kill(-agent.pid);
        const dead = await waitVerdict(node, agent.pid, 'dead');
        assert.equal(dead.status, 'failed');
    });

    test(`${subject.name}: an answer that comes slowly is work, and its end is an end`, { skip }, async (t) => {
        const { mock, node, agent } = await start(t, subject, 'dummy SC_SLOW');
        await mock.waitWaiting(1, 60_000);
        await waitVerdict(node, agent.pid, 'working');
        mock.slowMs = 100;
        mock.release();
        await waitVerdict(node, agent.pid, 'done');
    });

    test(`${subject.name}: while its tool runs, it runs a tool, however long`, { skip }, async (t) => {
        const dir = temporaryFolder(t);
        const go = path.join(dir, 'go');
        const begun = path.join(dir, 'begun');
        const { node, agent } = await start(t, subject, `dummy SC_TOOL <<touch ${begun}; while [ ! -e ${go} ]; do sleep 0.1; done>>`);
        await waitUntil(() => existsSync(begun), 'the tool', 60_000); // a CLI that starts runs short-lived tools of its own
        const { evidence: { samples } } = await waitAgent(node, agent.pid, (a) => a.evidence);
        const running = await waitAgent(node, agent.pid, (a) => a.liveness.verdict === 'tool_running' && a.evidence.samples > samples + 1, 'tool_running');
        const later = await waitAgent(node, agent.pid, (a) => a.evidence.samples > running.evidence.samples + 20, 'time to pass');
        assert.equal(later.liveness.verdict, 'tool_running', JSON.stringify(later));
        assert.equal(later.liveness.since, running.liveness.since);
        writeFileSync(go, '');
        await waitVerdict(node, agent.pid, 'done');
    });
}

test('codex: a pipe on standard input that nobody closes is named', { skip: absent(codex) ?? false }, async (t) => {
    const { node, agent, dir: folder } = await start(t, { ...codex, argv: (dir, prompt) => ['sh', '-c', 'sleep 600 | "$@"', 'sh', ...codex.argv(dir, prompt)] }, 'dummy SC_TEXT');
    const hung = await node.waitFor(async () => {
        const all = await agents(node);
        const found = all.find((a) => a.liveness?.verdict === 'hung_stdin' && a.cwd?.startsWith(folder));
        if (found) return found;
        throw new Error(JSON.stringify(all));
    }, 'hung_stdin', 60_000);
    assert.notEqual(hung.pid, agent.pid);
    assert.match(hung.liveness.cause, /it reads a pipe on standard input that somebody keeps open/);
});

test('claude: a limit of the provider is told from its transcript', { skip: absent(claude) ?? false }, async (t) => {
    const { node, agent } = await start(t, claude, 'dummy SC_429');
    const limited = await waitVerdict(node, agent.pid, 'api_retrying', 'rate_limited');
    assert.equal(limited.status === 'active' || limited.status === 'idle', true);
});
