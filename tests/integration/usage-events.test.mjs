// usage-events.test.mjs -- what happened in sessions: tools, errors, prompts, active time (spec 60 U7).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, copyFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { binary, startNode } from '../lib/node.mjs';
import { UsageHome } from '../lib/usage.mjs';

const execute = promisify(execFile);
let number = 0;
const at = (time) => `2026-11-${time}.000Z`;
const line = (time, type, content, more = {}) => ({ parentUuid: null, isSidechain: false, cwd: '/home/u/app', sessionId: 's1', version: '2.1.220', type, uuid: `u${++number}`,
    timestamp: at(time), message: type === 'user' ? { role: 'user', content } : { id: `m${number}`, type: 'message', role: 'assistant', model: 'claude-opus-5', content, usage: { input_tokens: 1, output_tokens: 1 } }, ...more });
const prompt = (time, text, more) => line(time, 'user', text, more);
const use = (time, id, name, input = {}) => line(time, 'assistant', [{ type: 'tool_use', id, name, input }]);
const result = (time, id, is_error = false) => line(time, 'user', [{ type: 'tool_result', tool_use_id: id, content: 'out', ...(is_error ? { is_error } : {}) }]);
const say = (time, text) => line(time, 'assistant', [{ type: 'text', text }]);

async function start(t, home) {
    const { CLAUDE_CONFIG_DIR, CODEX_HOME } = home.environment;
    const node = await startNode(t, { env: { CLAUDE_CONFIG_DIR, CODEX_HOME } });
    return { node, run: async () => (await node.post('/api/admin/run-session-processor?processor=usage', {})).json,
        ask: async (query) => (await node.get(`/api/v1/usage/events?${query}`)).json };
}

// 23:50 to 00:05 UTC: two days there, one in Prague (00:50 to 01:05), and one in Kathmandu (05:35, +05:45).
const lines = [
    prompt('01T23:50:00', 'fix it'), use('01T23:51:00', 't1', 'Bash', { command: 'make' }), result('01T23:52:00', 't1', true),
    use('01T23:53:00', 't2', 'mcp__github__search'), result('01T23:54:00', 't2'), use('01T23:58:00', 't3', 'Task', { subagent_type: 'reviewer', prompt: 'p' }), result('02T00:01:00', 't3'),
    use('02T00:02:00', 't4', 'Skill', { skill: 'debug' }), result('02T00:02:00', 't4'), prompt('02T00:03:00', '<command-name>/review</command-name>'), use('02T00:04:00', 't5', 'Bash', { command: 'ls' }),
    say('02T00:05:00', 'done'),
];

test('U7 tools, errors by their result, MCP calls, subagents, skills, commands; active time by the days of any zone', async (t) => {
    const home = new UsageHome(t);
    home.session('-home-u-app/s1', lines);
    const { run, ask } = await start(t, home);
    assert.deepEqual((await run()).details, { processor: 'usage', scanned: 1, processed: 1, skipped: 0, capped: 0, errors: 0, items_extracted: 1, errors_detail: [] });
    const { events } = await ask('');
    assert.deepEqual(events.map((e) => [e.kind, e.name, e.uses, e.errors, e.sessions]), [['command', 'review', 1, 0, 1], ['mcp', 'mcp__github__search', 1, 0, 1], ['skill', 'debug', 1, 0, 1],
        ['subagent', 'reviewer', 1, 0, 1], ['tool', 'Bash', 2, 1, 1]]);
    assert.deepEqual((await ask('kind=tool')).events.map((e) => e.name), ['Bash']);
    const { sessions, next } = await ask('group=session');
    const { session_file, ...session } = sessions[0];
    assert.match(session_file, /s1\.jsonl$/);
    assert.deepEqual(session, { session_id: 's1', agent: 'claude', project: '/home/u/app', prompts: 2, answers: 1, tools: 2, mcp_calls: 1, subagents: 1, skills: 1, commands: 1, errors: 1,
        dropped: 0, first_at: '2026-11-01T23:50:00.000000Z', last_at: '2026-11-02T00:05:00.000000Z', active_s: 900, wall_s: 900 });
    assert.equal(next, null);
    const day = (d, sessions_begun, prompts, answers, uses, errors, active_s) => ({ day: d, sessions_begun, prompts, answers, uses, errors, active_s });
    assert.deepEqual((await ask('group=day')).daily, [day('2026-11-01', 1, 1, 0, 3, 1, 600), day('2026-11-02', 0, 1, 1, 3, 0, 300)]);
    for (const zone of ['Europe/Prague', 'Asia/Kathmandu'])
        assert.deepEqual((await ask(`group=day&zone=${zone}`)).daily, [day('2026-11-02', 1, 2, 1, 6, 1, 900)], zone);
    assert.deepEqual((await ask('group=day&from=2026-11-02')).daily.map((d) => d.day), ['2026-11-02']);
    assert.deepEqual((await ask('from=2026-11-03')).events, []);
});

test('U7 a late result corrects what was counted, and a copy counts nothing twice', async (t) => {
    const home = new UsageHome(t);
    home.session('-home-u-app/s1', lines);
    const { run, ask } = await start(t, home);
    await run();
    const file = home.file('claude/projects/-home-u-app/s1.jsonl');
    copyFileSync(file, home.file('claude/projects/-home-u-app/copy.jsonl'));
    appendFileSync(file, `${JSON.stringify(result('02T00:06:00', 't5', true))}\n`);
    assert.equal((await run()).details.processed, 2);
    assert.deepEqual((await ask('kind=tool')).events, [{ kind: 'tool', name: 'Bash', uses: 2, errors: 2, sessions: 1 }]);
    assert.equal((await ask('group=session')).sessions.length, 1);
    assert.equal((await ask('group=day')).daily.reduce((sum, d) => sum + d.errors, 0), 2);
    assert.equal((await ask('group=day')).daily.reduce((sum, d) => sum + d.sessions_begun, 0), 1);
    assert.deepEqual((await run()).details.processed, 0);
});

test('U7 bad questions are told what is wrong', async (t) => {
    const { node } = await start(t, new UsageHome(t));
    for (const [query, place] of [['group=week', '/group'], ['kind=bash', '/kind'], ['zone=Mars', '/zone'], ['from=today', '/from'], ['to=2026-02-30', '/to'], ['limit=0', '/limit']]) {
        const { status, json } = await node.get(`/api/v1/usage/events?${query}`);
        assert.equal(status, 400, query);
        assert.equal(json.errors?.[0]?.pointer ?? json.pointer ?? place, place);
    }
});

test('T7: a run of usage is a run of a processor: its rows, its lease, its health', async (t) => {
    const home = new UsageHome(t);
    home.session('-home-u-app/s1', lines);
    home.session('-home-u-app/broken', ['nothing', 'of the kind']);
    const { node, run } = await start(t, home);
    const { ok, details } = await run();
    assert.deepEqual([ok, details.processed, details.errors], [false, 1, 1]);
    assert.match(details.errors_detail[0].error, /JSON object/);
    const { processors } = (await node.get('/api/v1/processors')).json;
    const { name, done, failed, items_extracted, last_run } = processors[0];
    assert.deepEqual([name, done, failed, items_extracted, last_run.processed, last_run.errors], ['usage', 1, 1, 1, 1, 1]);
    assert.ok((await node.get('/api/health')).json.sections['processor:usage']);
    const begun = await node.post('/api/admin/run-session-processor?processor=usage', {}, { Prefer: 'respond-async' });
    assert.equal(begun.status, 202);
    await node.waitFor(async () => (await node.get(begun.headers.location)).json.state === 'done', 'the run to end');
});

test('U7, V1: muster activity and muster verification print what the API says', async (t) => {
    const home = new UsageHome(t);
    home.session('-home-u-app/s1', lines);
    const { node, run } = await start(t, home);
    await run();
    await node.post('/api/admin/run-session-processor?processor=verification', {});
    const muster = async (...args) => (await execute(binary, [...args, '--url', node.url], { env: home.environment })).stdout;
    const rows = (text) => text.trimEnd().split('\n').map((l) => l.trim().split(/\s+/));
    assert.deepEqual(rows(await muster('activity', 'names', '--kind', 'tool')), [['KIND', 'NAME', 'USES', 'ERRORS', 'SESSIONS'], ['tool', 'Bash', '2', '1', '1']]);
    assert.deepEqual(rows(await muster('activity', 'days', '--zone', 'Asia/Kathmandu'))[1].slice(0, 6), ['2026-11-02', '1', '2', '1', '6', '1']);
    assert.equal(rows(await muster('activity', 'sessions'))[1][0], 's1');
    assert.deepEqual(JSON.parse(await muster('activity', 'sessions', '--json')), (await node.get('/api/v1/usage/events?group=session')).json);
    const [, session] = rows(await muster('verification', 'list')); // "done" is a claim, and make failed
    assert.deepEqual([session[0], session[8]], ['contradicted', 's1']);
    assert.deepEqual(rows(await muster('verification', 'show', 's1')).map((r) => r.slice(0, 2)), [['OUTCOME', 'KIND'], ['failed', 'build']]);
});
