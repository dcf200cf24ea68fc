// transcripts.mjs -- transcripts of coding agents in their real shape, made from a seed.
//
// writeTranscripts(folder, { seed, megabytes }) fills folder/claude (a CLAUDE_CONFIG_DIR) and folder/codex (a CODEX_HOME) and
// returns what it wrote, in numbers.  Among the lines are: one answer told once per block while its output grows, side chains and
// their replays, subagents in files of their own, resumed copies of a session, forks that begin with what their parent had
// used, requests without an id, several models, unknown ones too, fast and batch answers, torn and glued lines, answers around
// midnight in any time zone, and five-hour gaps.
import { createWriteStream, mkdirSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';

export function random(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    return {
        unit: next,
        below: (n) => Math.floor(next() * n),
        chance: (p) => next() < p,
        pick: (list) => list[Math.floor(next() * list.length)],
        hex: (n) => Array.from({ length: n }, () => Math.floor(next() * 16).toString(16)).join(''),
        uuid() { return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-a${this.hex(3)}-${this.hex(12)}`; },
    };
}

const models = ['claude-opus-4-5-20251101', 'claude-sonnet-4-5-20250929', 'claude-haiku-4-5-20251001', 'claude-opus-4-6', 'claude-sonnet-4-6',
    'claude-opus-4-1-20250805', 'claude-sonnet-5', 'claude-opus-5', 'us.anthropic.claude-opus-4-5-20251101-v1:0', 'claude-3-5-haiku-20241022'];
const words = 'the build fails where a header moved so read the file first then change one line and run "all" of it again\\n  {"not": [json]} é 漢字 '.split(' ');

class Text {
    constructor(r) {
        this.pool = Array.from({ length: 4000 }, () => r.pick(words)).join(' ');
        this.r = r;
    }
    of(length) {
        const start = this.r.below(this.pool.length / 2);
        let text = this.pool.slice(start, start + length);
        while (text.length < length) text += this.pool.slice(0, length - text.length);
        return text;
    }
}

const time = (ms) => new Date(ms).toISOString();
const envelope = (s, more) => ({ parentUuid: s.last, isSidechain: s.sidechain, userType: 'external', cwd: s.cwd, sessionId: s.id, version: '2.1.220', gitBranch: s.branch, ...more });

function usageOf(r, s) {
    const long = r.chance(0.02);
    const write = r.chance(0.6) ? r.below(9000) : 0, hour = r.chance(0.3) ? r.below(write + 1) : 0;
    const usage = {
        input_tokens: r.below(30), cache_creation_input_tokens: write, cache_read_input_tokens: long ? 150000 + r.below(400000) : r.below(90000),
        output_tokens: 1 + r.below(long ? 230000 : 2500), service_tier: r.chance(0.03) ? 'batch' : 'standard', inference_geo: 'not_available',
    };
    if (r.chance(0.7)) usage.cache_creation = { ephemeral_5m_input_tokens: write - hour, ephemeral_1h_input_tokens: hour };
    if (r.chance(0.1)) usage.server_tool_use = { web_search_requests: r.below(3), web_fetch_requests: 0 };
    if (s.speeds && r.chance(0.5)) usage.speed = r.chance(0.2) ? 'fast' : 'standard';
    return usage;
}

// One answer: a line per block of its content, the output growing.
function answer(r, text, s) {
    s.at += 1000 + r.below(s.pace);
    const id = `msg_${r.hex(24)}`, requestId = r.chance(0.04) ? undefined : `req_${r.hex(20)}`;
    const model = r.chance(0.01) ? '<synthetic>' : r.chance(0.02) ? 'claude-nope-1' : s.model;
    const usage = usageOf(r, s), lines = [], blocks = 1 + r.below(4);
    for (let b = 0; b < blocks; b++) {
        const uuid = r.uuid();
        const grown = { ...usage, output_tokens: r.chance(0.5) ? usage.output_tokens : 1 + Math.floor(usage.output_tokens * (b + 1) / blocks) };
        const content = r.chance(0.4) ? [{ type: 'tool_use', id: `toolu_${r.hex(20)}`, name: 'Bash', input: { command: text.of(40 + r.below(300)) } }]
            : [{ type: 'text', text: text.of(50 + r.below(3000)) }];
        lines.push(JSON.stringify(envelope(s, { message: { id, type: 'message', role: 'assistant', model, content, stop_reason: null, usage: grown },
            requestId, type: 'assistant', uuid, timestamp: time(s.at + (requestId ? b * 37 : 0)) })));
        s.last = uuid;
    }
    return lines;
}

function toolResult(r, text, s) {
    const uuid = r.uuid();
    const line = JSON.stringify(envelope(s, { type: 'user', message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: `toolu_${r.hex(20)}`,
        content: text.of(r.chance(0.05) ? 60000 : 200 + r.below(9000)) }] }, toolUseResult: { stdout: text.of(100), stderr: '', interrupted: false }, uuid, timestamp: time(s.at + 500) }));
    s.last = uuid;
    return line;
}

// What a killed writer leaves: the beginning of a line, and the next one glued to it.
const torn = (r, line) => line.slice(0, 20 + r.below(line.length - 40));

function claudeSession(r, text, base) {
    const s = { id: r.uuid(), cwd: `/home/u/${r.pick(['app', 'lib', 'site'])}`, branch: r.pick(['main', 'fix/1', 'next']), last: null, sidechain: false,
        model: r.pick(models), at: base, pace: r.pick([20000, 200000, 4000000]), speeds: r.chance(0.4), ...{} };
    return s;
}

function claudeTurns(r, text, s, count, odd) {
    const lines = [];
    for (let i = 0; i < count; i++) {
        if (r.chance(0.02)) s.at += 5 * 3600e3 + r.below(20) * 3600e3;
        const told = answer(r, text, s);
        if (odd && r.chance(0.01)) told.splice(r.below(told.length), 0, torn(r, told[0]));
        if (odd && r.chance(0.01)) told[0] = torn(r, told[0]) + told[0];
        lines.push(...told, toolResult(r, text, s));
        if (odd && r.chance(0.03)) { // a side chain that tells the answer again
            const again = JSON.parse(told.at(-1).startsWith('{"parentUuid"') && !told.at(-1).includes('}{') ? tryWhole(told.at(-1)) : '{}');
            if (again.message) lines.push(JSON.stringify({ ...again, isSidechain: true, requestId: `req_${r.hex(20)}`,
                timestamp: r.chance(0.5) ? again.timestamp : time(s.at + 5000) }));
        }
        if (odd && r.chance(0.01)) { // an older way to tell of a subagent
            const inner = JSON.parse(answer(r, text, { ...s, sidechain: true })[0]);
            lines.push(JSON.stringify({ type: 'progress', sessionId: s.id, timestamp: inner.timestamp, data: { type: 'agent_progress',
                message: { type: 'assistant', timestamp: inner.timestamp, message: inner.message, requestId: inner.requestId, isSidechain: true } } }));
        }
    }
    return lines;
}

function tryWhole(line) {
    try {
        JSON.parse(line);
        return line;
    } catch {
        return '{}';
    }
}

async function put(file, lines) {
    mkdirSync(path.dirname(file), { recursive: true });
    const out = createWriteStream(file);
    let bytes = 0;
    for (const line of lines) {
        bytes += line.length + 1;
        if (!out.write(line + '\n')) await once(out, 'drain');
    }
    out.end();
    await once(out, 'close');
    return bytes;
}

export async function writeClaude(folder, { seed = 1, megabytes = 1, from = Date.UTC(2026, 7, 1), odd = true } = {}) {
    const r = random(seed), text = new Text(r);
    let bytes = 0, files = 0;
    for (let n = 0; bytes < megabytes * 1e6; n++) {
        const s = claudeSession(r, text, from + r.below(80 * 86400) * 1000 + r.below(1000));
        const project = `-home-u-${s.cwd.split('/').at(-1)}${r.chance(0.1) ? `--worktree-${n}` : ''}`;
        const at = path.join(folder, 'projects', project);
        const lines = claudeTurns(r, text, s, 5 + r.below(60), odd);
        bytes += await put(path.join(at, `${s.id}.jsonl`), lines);
        files++;
        if (r.chance(0.3)) { // a subagent
            const sub = { ...s, sidechain: true, model: r.pick(models), last: null };
            bytes += await put(path.join(at, s.id, 'subagents', ...(odd && r.chance(0.2) ? ['workflows', `wf_${n}`] : []), `agent-${r.hex(8)}.jsonl`),
                claudeTurns(r, text, sub, 3 + r.below(10), false));
            files++;
        }
        if (odd && r.chance(0.15)) { // resumed: the lines again under another session, and some more
            const copy = { ...s, id: r.uuid() };
            const again = lines.slice(0, 1 + r.below(lines.length)).map((l) => (r.chance(0.5) ? l : l.replaceAll(s.id, copy.id)));
            bytes += await put(path.join(at, `${copy.id}.jsonl`), [...again, ...claudeTurns(r, text, copy, 2 + r.below(8), odd)]);
            files++;
        }
    }
    return { bytes, files };
}

const count = (r, scale) => {
    const input = r.below(scale), output = r.below(3000);
    return { input_tokens: input, cached_input_tokens: r.below(input + 1), output_tokens: output, reasoning_output_tokens: r.below(output + 1), total_tokens: input + output };
};
const sum = (a, b) => Object.fromEntries(Object.keys(a).map((k) => [k, a[k] + b[k]]));
const zero = { input_tokens: 0, cached_input_tokens: 0, output_tokens: 0, reasoning_output_tokens: 0, total_tokens: 0 };

export async function writeCodex(folder, { seed = 1, megabytes = 1, from = Date.UTC(2026, 7, 1), odd = true } = {}) {
    const r = random(seed), text = new Text(r);
    let bytes = 0, files = 0, older = [];
    for (let n = 0; bytes < megabytes * 1e6; n++) {
        const id = r.uuid(), lines = [], parent = older.length && odd && r.chance(0.2) ? r.pick(older) : null;
        let at = (parent ? parent.end : from + r.below(80 * 86400) * 1000) + 60000, total = zero, replay = [];
        const say = (type, payload) => lines.push(JSON.stringify({ timestamp: time(at), type, payload }));
        const report = (last, without) => say('event_msg', { type: 'token_count', info: { total_token_usage: total, ...(without ? {} : { last_token_usage: last }), model_context_window: 272000 } });
        const requests = [];
        say('session_meta', { id, timestamp: time(at), cwd: '/home/u/app', originator: 'codex_exec', cli_version: '0.169.0', ...(parent ? { forked_from_id: parent.id } : {}) });
        const missing = odd && r.chance(0.05);
        if (!missing) say('turn_context', { cwd: '/home/u/app', approval_policy: 'never', model: r.pick(['gpt-5.4', 'gpt-5.5', 'gpt-5.6-sol', 'gpt-5.3-codex', 'gpt-5', 'mock-model', 'codex-auto-review']) });
        if (parent) {
            replay = parent.requests.slice(0, 1 + r.below(parent.requests.length));
            for (const last of replay) {
                total = sum(total, last);
                at += r.below(3);
                report(last);
            }
            requests.push(...replay);
        }
        for (let i = 3 + r.below(40); i > 0; i--) {
            at += 2000 + r.below(600000);
            say('response_item', { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: text.of(100 + r.below(4000)) }] });
            const last = count(r, r.chance(0.05) ? 500000 : 60000);
            total = sum(total, last);
            requests.push(last);
            report(last, odd && r.chance(0.1));
            if (r.chance(0.3)) report(last); // told again for the screen
            if (r.chance(0.05)) say('event_msg', { type: 'token_count', info: null });
            if (odd && r.chance(0.03)) say('event_msg', { type: 'thread_settings_applied', thread_settings: { service_tier: r.pick(['priority', 'default']) } });
            if (odd && r.chance(0.02)) lines.push(lines.at(-1).slice(0, 40));
        }
        const day = new Date(at).toISOString().slice(0, 10).replaceAll('-', '/');
        const name = `rollout-${time(at).slice(0, 19).replaceAll(':', '-')}-${id}.jsonl`;
        bytes += await put(path.join(folder, 'sessions', day, name), lines);
        files++;
        if (odd && r.chance(0.1)) {
            await put(path.join(folder, 'archived_sessions', r.chance(0.5) ? day : '', name), lines);
            files++;
        }
        older.push({ id, requests, end: at });
    }
    return { bytes, files };
}

export async function writeTranscripts(folder, options = {}) {
    return { claude: await writeClaude(path.join(folder, 'claude'), options), codex: await writeCodex(path.join(folder, 'codex'), options) };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const [folder, megabytes = '10', seed = '1'] = process.argv.slice(2);
    console.log(JSON.stringify(await writeTranscripts(folder, { megabytes: Number(megabytes), seed: Number(seed) })));
}
