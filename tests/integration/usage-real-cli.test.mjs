// spec 60 T3, T4: transcripts that the real agent CLIs have written are read whole: nothing is skipped, and the sums are
// those of the model server, requests answered times its usage.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { MockModel, usage } from '../lib/mock-model.mjs';
import { absent, claude, codex, gemini } from '../lib/realcli.mjs';
import { UsageHome } from '../lib/usage.mjs';

async function runAgent(subject, dir, mock, prompt) {
    subject.prepareHome(dir, mock.url);
    const [command, ...args] = subject.argv(dir, prompt);
    const child = spawn(command, args, { cwd: subject.workOf(dir), stdio: 'ignore', env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...subject.environment(dir, mock.url) } });
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
