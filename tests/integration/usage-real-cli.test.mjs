// spec 60 T3, T4: transcripts that the real agent CLIs have written are read whole: nothing is skipped, and the sums are
// those of the model server, requests answered times its usage.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { MockModel, usage } from '../lib/mock-model.mjs';
import { absent, claude, codex, gemini } from '../lib/realcli.mjs';
import { startNode } from '../lib/node.mjs';
import { UsageHome } from '../lib/usage.mjs';

async function runAgent(subject, dir, mock, prompt, more = []) {
    subject.prepareHome(dir, mock.url);
    const [command, ...args] = subject.argv(dir, prompt);
    const child = spawn(command, [...args, ...more], { cwd: subject.workOf(dir), stdio: 'ignore', env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...subject.environment(dir, mock.url) } });
    await once(child, 'exit');
}

for (const subject of [codex, claude, gemini]) {
    test(`${subject.name}: its transcript is read whole and holds what the model server counted`, { skip: absent(subject) ?? false }, async (t) => {
        const home = new UsageHome(t), mock = await MockModel.start(t);
        await runAgent(subject, home.dir, mock, 'dummy SC_TOOL <<true>>');
        assert.equal(mock.answered, 2);
        const agentHome = subject.homeOf(home.dir);
        Object.defineProperty(home, 'environment', { value: { ...home.environment, HOME: agentHome, CODEX_HOME: `${agentHome}/.codex`, CLAUDE_CONFIG_DIR: `${agentHome}/.claude` } });
        const r = await home.report('session'), n = mock.answered;
        assert.deepEqual(r.skipped_lines, Object.fromEntries(Object.keys(r.skipped_lines).map((k) => [k, 0])), 'nothing is skipped');
        assert.equal(r.sessions.length, 1);
        const { input_tokens, output_tokens, cache_read_tokens, messages } = r.totals;
        assert.deepEqual({ input_tokens, output_tokens, cache_read_tokens, messages }, { input_tokens: n * (usage.input - usage.cached), output_tokens: n * usage.output,
            cache_read_tokens: n * usage.cached, messages: n });
        assert.deepEqual(r.sessions[0].sources, [subject.name]);
    });
}

// U7: the history that a fork begins with, as the real CLI writes it, counts once.
const transcripts = (dir) => readdirSync(dir, { recursive: true, withFileTypes: true }).filter((f) => f.isFile() && f.name.endsWith('.jsonl')).map((f) => path.join(f.parentPath ?? f.path, f.name));

test("claude: a fork's own counts, and its history once", { skip: absent(claude) ?? false }, async (t) => {
    const home = new UsageHome(t), mock = await MockModel.start(t), agentHome = claude.homeOf(home.dir);
    await runAgent(claude, home.dir, mock, 'dummy SC_TOOL <<true>>');
    const [original] = transcripts(path.join(agentHome, '.claude/projects'));
    await runAgent(claude, home.dir, mock, 'dummy SC_TOOL <<true>>', ['--resume', path.basename(original, '.jsonl'), '--fork-session']);
    assert.equal(mock.answered, 4);
    const node = await startNode(t, { env: { HOME: agentHome, CODEX_HOME: `${agentHome}/.codex`, CLAUDE_CONFIG_DIR: `${agentHome}/.claude` } });
    await node.post('/api/admin/run-session-processor?processor=usage', {});
    const { events } = (await node.get('/api/v1/usage/events')).json;
    assert.deepEqual(events.map((e) => [e.kind, e.name, e.uses, e.errors, e.sessions]), [['tool', 'Bash', 2, 0, 2]]);
    const { sessions } = (await node.get('/api/v1/usage/events?group=session')).json;
    assert.deepEqual(sessions.map((s) => [s.prompts, s.answers, s.tools]), [[1, 1, 1], [1, 1, 1]]);
});
