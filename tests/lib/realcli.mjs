// realcli.mjs -- the real agent CLIs from npm, set up to talk to the mock model server and to nobody else.
//
// Each has { name, format, installed, version, bin, prepareHome(dir, mockUrl), argv(dir, prompt), environment(dir, mockUrl),
// profileConf(dir, mockUrl, options) }.  `dir` is a private folder: HOME and the working folder are made in it.
// Claude Code is proprietary: it is installed by itself, never kept, and where it is absent its tests say so loudly.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './node.mjs';

const tests = path.join(root, 'tests');
const version = (folder, name) => {
    const file = path.join(tests, folder, 'node_modules', name, 'package.json');
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : null;
};
const home = (dir) => path.join(dir, 'agent-home');
const work = (dir) => path.join(dir, 'agent-work');
const write = (file, text) => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
};
// A value in muster.conf; libconfuse reads \ and " and ${…} inside double quotes.
const quoted = (text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
const list = (texts) => `{ ${texts.map(quoted).join(', ')} }`;

// Why a subject can't be tested here; null where it can.
function missing({ name, version: found, bin, node = 18 }) {
    const subject = name.startsWith('claude') ? 'claude-code' : name.startsWith('gemini') ? 'gemini-cli' : name;
    if (found === null || !existsSync(bin)) return `NOT TESTED: ${subject} is not installed`;
    if (Number(process.versions.node.split('.')[0]) < node) return `NOT TESTED: ${subject} needs node ${node}, this is ${process.versions.node}`;
    return null;
}

function cli(definition) {
    return {
        ...definition,
        missing: missing(definition),
        get installed() { return this.missing === null; },
        homeOf: home,
        workOf: work,
        environment: (dir, mockUrl) => ({ HOME: home(dir), TMPDIR: path.join(dir, 'tmp'), ...definition.env(dir, mockUrl) }),
        prepareHome(dir, mockUrl) {
            for (const folder of [home(dir), work(dir), path.join(dir, 'tmp')]) mkdirSync(folder, { recursive: true });
            definition.files(dir, mockUrl);
        },
        argv: (dir, prompt) => [definition.bin, ...definition.args(prompt)],
        // The text of an agent block (spec 20 Q10); prepareHome is called.  options: name, more (lines put into the block)
        profileConf(dir, mockUrl, { name = definition.name, more = '' } = {}) {
            this.prepareHome(dir, mockUrl);
            const env = Object.entries(this.environment(dir, mockUrl)).map(([key, value]) => `${key}=${value}`);
            return `agent ${quoted(name)} {
    command = ${list([definition.bin, ...definition.args('{prompt}')])}
    output = ${quoted(definition.format)}
    workdir = ${quoted(work(dir))}
    env_pass = { "PATH" }
    env = ${list(env)}
    ${more}
}
`;
        },
    };
}

export const codex = cli({
    name: 'codex',
    format: 'codex-jsonl',
    version: version('.', '@openai/codex'),
    bin: path.join(tests, 'node_modules/.bin/codex'),
    args: (prompt) => ['exec', '--json', '--skip-git-repo-check', '-s', 'danger-full-access', '--disable', 'plugins', '--disable', 'apps', prompt],
    env: (dir) => ({ CODEX_HOME: path.join(home(dir), '.codex'), MOCK_KEY: 'test-key' }),
    files: (dir, mockUrl) => write(path.join(home(dir), '.codex/config.toml'), `model = "mock-model"
model_provider = "mock"
check_for_update_on_startup = false
[model_providers.mock]
name = "mock"
base_url = "${mockUrl}/v1"
wire_api = "responses"
env_key = "MOCK_KEY"
request_max_retries = 1
stream_max_retries = 1
stream_idle_timeout_ms = 60000
[analytics]
enabled = false
[projects."${work(dir)}"]
trust_level = "trusted"
`),
});

const claudeWith = (format, args) => cli({
    name: format === 'claude-json' ? 'claude-json' : 'claude',
    format,
    version: version('optional', '@anthropic-ai/claude-code'),
    bin: path.join(tests, `optional/node_modules/@anthropic-ai/claude-code-linux-${process.arch}/claude`),
    args: (prompt) => ['-p', prompt, ...args, '--allowedTools', 'Bash'],
    env: (dir, mockUrl) => ({
        ANTHROPIC_BASE_URL: mockUrl, ANTHROPIC_API_KEY: 'test-key', DISABLE_AUTOUPDATER: '1', DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', CLAUDE_CODE_TMPDIR: path.join(dir, 'tmp'),
    }),
    files: (dir) => write(path.join(home(dir), '.claude.json'), JSON.stringify({
        hasCompletedOnboarding: true, theme: 'dark', autoUpdates: false, customApiKeyResponses: { approved: ['test-key'], rejected: [] },
        projects: { [work(dir)]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true, allowedTools: [] } },
    })),
});
export const claude = claudeWith('claude-stream-json', ['--output-format', 'stream-json', '--verbose']);
export const claudeJson = claudeWith('claude-json', ['--output-format', 'json']);

const geminiWith = (outputFormat) => cli({
    name: outputFormat === 'json' ? 'gemini-json' : 'gemini',
    format: 'gemini-json',
    version: version('.', '@google/gemini-cli'),
    node: 20,
    bin: path.join(tests, 'node_modules/.bin/gemini'),
    args: (prompt) => ['-m', 'gemini-2.5-flash', '-p', prompt, '--output-format', outputFormat, '--skip-trust', '--approval-mode', 'yolo'],
    env: (dir, mockUrl) => ({ GEMINI_API_KEY: 'test-key', GOOGLE_GEMINI_BASE_URL: mockUrl }),
    files: (dir) => write(path.join(home(dir), '.gemini/settings.json'), JSON.stringify({
        security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
        general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: 2 }, privacy: { usageStatisticsEnabled: false },
    })),
});
export const gemini = geminiWith('stream-json');
export const geminiJson = geminiWith('json');

export const every = [codex, claude, claudeJson, gemini, geminiJson];

// For t.skip(): null where the CLI is there, else the reason, also said on standard error.
export function absent(subject) {
    const reason = subject.missing;
    if (reason) console.error(reason);
    return reason;
}
