// usage.mjs -- `muster usage` on a private home, and ccusage on the same one.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { binary, environmentFor, root, temporaryFolder } from './node.mjs';

const run = promisify(execFile);

export class UsageHome {
    constructor(t) {
        this.dir = temporaryFolder(t, 'muster-usage-');
        for (const sub of ['home', 'tmp', 'claude/projects', 'codex/sessions']) mkdirSync(path.join(this.dir, sub), { recursive: true });
    }
    get environment() {
        const at = (name) => path.join(this.dir, name);
        return environmentFor(this.dir, { CLAUDE_CONFIG_DIR: at('claude'), CODEX_HOME: at('codex'), XDG_CACHE_HOME: at('cache'), MUSTER_DATA_DIR: at('data-dir') });
    }
    file(name) { return path.join(this.dir, name); }
    write(name, lines) {
        mkdirSync(path.dirname(this.file(name)), { recursive: true });
        writeFileSync(this.file(name), lines.map((l) => (typeof l === 'string' ? l : JSON.stringify(l)) + '\n').join(''));
    }
    session(name, lines) { this.write(`claude/projects/${name}.jsonl`, lines); }
    rollout(name, lines) { this.write(`codex/sessions/${name}.jsonl`, lines); }

    // { code, out, err }; never rejects for an exit code
    async muster(...args) {
        try {
            const { stdout, stderr } = await run(binary, ['usage', ...args], { env: this.environment, maxBuffer: 1 << 28 });
            return { code: 0, out: stdout, err: stderr };
        } catch (e) {
            if (typeof e.code !== 'number') throw e;
            return { code: e.code, out: e.stdout, err: e.stderr };
        }
    }
    async report(...args) {
        const { code, out, err } = await this.muster(...args, '--json');
        if (code !== 0) throw new Error(`muster usage ${args.join(' ')}: ${code} ${err}`);
        return JSON.parse(out);
    }
    async ccusage(...args) {
        const { stdout } = await run(ccusage, [...args, '--json', '--offline'], { env: this.environment, maxBuffer: 1 << 28 });
        return JSON.parse(stdout);
    }
}

const ccusage = path.join(root, `tests/node_modules/@ccusage/ccusage-linux-${process.arch}/bin/ccusage`);
export const noCcusage = existsSync(ccusage) ? false : 'NOT TESTED: ccusage is not installed';
if (noCcusage) console.error(noCcusage);
else chmodSync(ccusage, 0o755);

let number = 0;
// A line of Claude Code; `usage` in the vendor's words.
export function claudeLine(usage, more = {}) {
    const { id = `msg_${++number}`, requestId = `req_${number}`, model = 'claude-opus-4-5-20251101', ...rest } = more;
    return { parentUuid: null, isSidechain: false, userType: 'external', cwd: '/home/u/app', sessionId: 's1', version: '2.1.220', gitBranch: 'main', type: 'assistant',
        message: { id, type: 'message', role: 'assistant', model, content: [{ type: 'text', text: 'done' }], usage: { input_tokens: 0, output_tokens: 0, ...usage } },
        ...(requestId ? { requestId } : {}), uuid: `u${number}`, timestamp: '2026-11-01T10:00:00.000Z', ...rest };
}
export const codexLine = (type, payload, timestamp = '2026-11-01T10:00:00.000Z') => ({ timestamp, type, payload });
export function codexReport(last, total, timestamp) {
    const told = (u) => u && { input_tokens: 0, cached_input_tokens: 0, output_tokens: 0, reasoning_output_tokens: 0, ...u, total_tokens: (u.input_tokens ?? 0) + (u.output_tokens ?? 0) };
    const info = { ...(total ? { total_token_usage: told(total) } : {}), ...(last ? { last_token_usage: told(last) } : {}) };
    return codexLine('event_msg', { type: 'token_count', info }, timestamp);
}
