// usage-events.test.mjs -- what happened in sessions: tools, errors, prompts, active time (spec 60 U7).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, copyFileSync, unlinkSync } from 'node:fs';
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

// A history as each way of forking leaves it in the new session's file: resumed with --fork-session (or by a program that writes the new id), /branch, forkSession() of the SDK, the desktop program.
const forks = {
    'with --fork-session': (line, id) => ({ ...line, sessionId: id, cwd: '/home/u/other', version: '2.1.245' }),
    'by /branch': (line, id, from) => ({ ...line, sessionId: id, forkedFrom: { sessionId: from, messageUuid: line.uuid } }),
    'by forkSession()': (line, id, from, is_last) => ({ ...line, sessionId: id, uuid: `new-${line.uuid}`, forkedFrom: { sessionId: from, messageUuid: line.uuid }, ...(is_last ? { timestamp: at('03T10:00:00') } : {}) }),
    'by the desktop program, with the old id in old lines': (line) => line,
};
const ids = ['019f0000-0000-4000-8000-00000000000a', '019f0000-0000-4000-8000-00000000000b'];
const history = lines.map((l) => ({ ...l, sessionId: ids[0] }));
const own = [prompt('03T11:00:00', 'another way'), use('03T11:01:00', 't9', 'Bash', { command: 'make' }), result('03T11:02:00', 't9', true), say('03T11:03:00', 'done')].map((l) => ({ ...l, sessionId: ids[1] }));
const both = [['command', 'review', 1, 0], ['mcp', 'mcp__github__search', 1, 0], ['skill', 'debug', 1, 0], ['subagent', 'reviewer', 1, 0], ['tool', 'Bash', 3, 2]];
const sums = async (ask) => {
    const { daily } = await ask('group=day'), total = (key) => daily.reduce((sum, d) => sum + d[key], 0);
    return { events: (await ask('')).events.map((e) => [e.kind, e.name, e.uses, e.errors]), ...Object.fromEntries(['sessions_begun', 'prompts', 'answers', 'uses', 'errors', 'active_s'].map((k) => [k, total(k)])) };
};
const expected = { events: both, prompts: 3, answers: 2, uses: 7, errors: 2, active_s: 900 + 180 };

for (const [how, copy] of Object.entries(forks))
    test(`U7 a session that is forked ${how} counts its own, and its history once: before and after, in either order, without the original`, async (t) => {
        const fork = [...history.map((l, i) => copy(l, ids[1], ids[0], i === history.length - 1)), ...own];
        for (const names of [[0, 1], [1, 0]]) {
            const home = new UsageHome(t), file = (n) => home.file(`claude/projects/-home-u-app/${ids[n]}.jsonl`);
            const { node, run, ask } = await start(t, home);
            const write = (n) => home.session(`-home-u-app/${ids[n]}`, n ? fork : history);
            write(names[0]);
            await run();
            if (names[0] === 0) assert.deepEqual((await sums(ask)).events, both.map((e) => (e[0] === 'tool' ? ['tool', 'Bash', 2, 1] : e)));
            else assert.deepEqual((await sums(ask)).events, both, 'a copy counts while nobody has seen the original');
            unlinkSync(file(names[0])); // what was counted stays counted (T5)
            write(names[1]);
            await run();
            const { active_s, sessions_begun, ...counts } = await sums(ask), { active_s: active, ...all } = expected;
            assert.deepEqual(counts, all);
            assert.equal(sessions_begun, names[0] === 0 ? 2 : 1); // in the other order the history is the copy's: nothing is left that began in the original
            if (how !== 'by forkSession()') assert.equal(active_s, active); // its last line has another time
            const { sessions } = await ask('group=session');
            assert.deepEqual(sessions.map((s) => s.session_id), ids);
            if (names[0] === 0)
                assert.deepEqual(sessions.map((s) => [s.prompts, s.tools, s.errors, s.first_at, s.active_s]), [[2, 2, 1, '2026-11-01T23:50:00.000000Z', 900], [1, 1, 1, '2026-11-03T11:00:00.000000Z', 180]]);
            appendFileSync(file(names[1]), `${JSON.stringify({ ...use('03T11:04:00', 't10', 'Bash'), sessionId: ids[names[1]] })}\n`);
            await run(); // it grows
            assert.deepEqual((await ask('kind=tool')).events.map((e) => [e.uses, e.errors]), [[4, 2]]);
            await node.stop();
        }
    });

const rollout = (type, payload, time = '2026-07-28T10:00:00.000Z') => ({ timestamp: time, type, payload });
const uuid7 = (time, n) => Date.parse(time).toString(16).padStart(12, '0').replace(/^(.{8})(.{4})$/, `$1-$2-7000-8000-${String(n).padStart(12, '0')}`);
const codex = { parent: uuid7('2026-07-28T09:00:00Z', 1), old: uuid7('2026-07-28T09:00:01Z', 2), fork: uuid7('2026-07-28T09:59:59.900Z', 3), young: uuid7('2026-07-28T10:00:00Z', 4) };

test('U7, U3 what a fork of Codex writes again counts nothing: its times are those of the fork', async (t) => {
    const home = new UsageHome(t);
    const meta = (id, more = {}) => rollout('session_meta', { id, cwd: '/home/u/app', ...more });
    const turn = (id, call, text) => [rollout('event_msg', { type: 'task_started', turn_id: id }), rollout('response_item', { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }), rollout('turn_context', { turn_id: id, model: 'gpt-5.5' }),
        rollout('response_item', { type: 'function_call', name: 'exec_command', call_id: call, arguments: '{"cmd":"make"}' }), rollout('response_item', { type: 'function_call_output', call_id: call, output: 'Process exited with code 2\nOutput:\nno' }),
        rollout('response_item', { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'well' }] }), rollout('event_msg', { type: 'task_complete', turn_id: id })];
    const past = [meta(codex.parent), ...turn(codex.old, 'call_1', 'fix it')];
    home.rollout(`2026/07/28/rollout-2026-07-28T10-00-00-${codex.fork}`, [meta(codex.fork, { forked_from_id: codex.parent }), ...past, ...turn(codex.young, 'call_2', 'another way')]);
    const { run, ask } = await start(t, home);
    await run();
    const kept = ({ events, prompts, answers, errors }) => ({ events, prompts, answers, errors });
    assert.deepEqual(kept(await sums(ask)), { events: [['tool', 'exec_command', 1, 1]], prompts: 1, answers: 1, errors: 1 });
    home.rollout(`2026/07/28/rollout-2026-07-28T09-00-00-${codex.parent}`, past);
    await run();
    assert.deepEqual(kept(await sums(ask)), { events: [['tool', 'exec_command', 2, 2]], prompts: 2, answers: 2, errors: 2 });
});
