// verification.test.mjs -- the processor `verification` over real files: T7 to T9, V1 of spec 60.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { prepareNode, startNode } from '../lib/node.mjs';
import { waitUntil } from '../lib/wait.mjs';

let serial = 0;
const line = (session, type, content, more = {}) => JSON.stringify({ type, sessionId: session, uuid: `u${++serial}`, timestamp: '2026-10-01T10:00:00.000Z', cwd: '/work',
    gitBranch: 'main', isSidechain: false, message: { role: type, content, ...(type === 'assistant' ? { id: `msg_${serial}`, model: 'claude-opus-4-5' } : {}) }, ...more });
const use = (session, id, command) => line(session, 'assistant', [{ type: 'tool_use', id, name: 'Bash', input: { command } }]);
const result = (session, id, output, failed = false) => line(session, 'user', [{ type: 'tool_result', tool_use_id: id, content: failed ? `Exit code 1\n${output}` : output, is_error: failed }],
    failed ? {} : { toolUseResult: { stdout: output, interrupted: false } });
const say = (session, text) => line(session, 'assistant', [{ type: 'text', text }]);
const green = (s) => [line(s, 'user', 'Fix it'), use(s, 't1', 'npm test'), result(s, 't1', 'Tests: 3 passed, 3 total'), say(s, 'All tests pass.')];
const red = (s) => [line(s, 'user', 'Fix it'), use(s, 't1', 'npm test'), result(s, 't1', 'Tests: 1 failed, 3 total', true), say(s, 'All tests pass.')];

function transcripts(node) {
    const dir = path.join(node.dir, 'home', '.claude', 'projects', '-work');
    mkdirSync(dir, { recursive: true });
    return { file: (name) => path.join(dir, `${name}.jsonl`), write(name, lines) { writeFileSync(this.file(name), `${lines.join('\n')}\n`); } };
}
const run = (node, headers) => node.request('POST', '/api/admin/run-session-processor?processor=verification', undefined, headers);
const details = async (node) => {
    const answer = await run(node);
    assert.equal(answer.status, 200, JSON.stringify(answer.json));
    return answer.json.details;
};
const session = async (node, id) => (await node.get(`/api/v1/verification/${id}`)).json;
const verdicts = async (node) => Object.fromEntries((await node.get('/api/v1/verification')).json.sessions.map((s) => [s.session_id, s.verdict]));

test('T9: a run tells what it did, and a second one finds nothing to do', async (t) => {
    const node = await startNode(t);
    const files = transcripts(node);
    files.write('a', green('a'));
    files.write('b', red('b'));
    const first = await run(node);
    assert.equal(first.json.ok, true);
    assert.deepEqual(first.json.details, { processor: 'verification', scanned: 2, processed: 2, skipped: 0, capped: 0, errors: 0, items_extracted: 2, errors_detail: [] });
    assert.deepEqual(await verdicts(node), { a: 'verified', b: 'contradicted' });
    const again = await details(node);
    assert.deepEqual([again.scanned, again.processed, again.skipped], [2, 0, 2]);
    const { evidence, ...one } = await session(node, 'b');
    assert.deepEqual([one.claims_success, one.checks, one.checks_failed, one.agent], [true, 1, 1, 'claude']);
    assert.deepEqual([evidence[0].kind, evidence[0].command, evidence[0].outcome, evidence[0].failed, evidence[0].quote], ['test', 'npm test', 'failed', 1, 'Tests: 1 failed, 3 total']);
    assert.equal((await node.get('/api/v1/verification/nobody')).status, 404);
    assert.deepEqual((await node.get('/api/v1/verification?verdict=contradicted')).json.sessions.map((s) => s.session_id), ['b']);
    assert.equal((await node.get('/api/v1/verification?verdict=fine')).status, 400);
});

test('T9: an unknown processor is 400 and names the known ones; every call is audited', async (t) => {
    const node = await startNode(t);
    const answer = await node.post('/api/admin/run-session-processor?processor=nonsense');
    assert.equal(answer.status, 400);
    assert.match(answer.json.detail, /usage, verification/);
    await details(node);
    const entries = await waitUntil(async () => {
        const found = (await node.get('/api/v1/audit?limit=100')).json.entries.filter((e) => /run-session-processor/.test(JSON.stringify(e)));
        return found.length >= 2 && found;
    }, 'both calls in the audit log');
    assert.deepEqual(entries.map((e) => e.result).sort(), ['error', 'success']);
});

const audited = (node, action, count) => waitUntil(async () => {
    const found = (await node.get('/api/v1/audit?limit=100')).json.entries.filter((e) => e.action === action);
    return found.length >= count && found;
}, `${count} rows of ${action} in the audit log`);

test('T9: the audit log keeps what each run counted, what was asked for and why a call was refused', async (t) => {
    const node = await startNode(t);
    const files = transcripts(node);
    files.write('a', green('a'));
    files.write('b', red('b'));
    await details(node);
    await details(node);
    await node.post('/api/admin/run-session-processor?processor=nonsense');
    await node.post('/api/admin/run-session-processor');
    const rows = await audited(node, 'POST /api/admin/run-session-processor', 4);
    const counts = { processor: 'verification', scanned: 2, capped: 0, errors: 0 };
    assert.deepEqual(rows.map((e) => e.details), [{ ...counts, processed: 2, skipped: 0, items_extracted: 2 }, { ...counts, processed: 0, skipped: 2, items_extracted: 0 }, null, null]);
    assert.deepEqual(rows.map((e) => e.params), [{ processor: 'verification' }, { processor: 'verification' }, { processor: 'nonsense' }, null]);
    assert.deepEqual(rows.map((e) => e.resource), ['processor:verification', 'processor:verification', 'processor:nonsense', '/api/admin/run-session-processor']);
    assert.match(rows[2].error, /nonsense.*known are/);
});

test('T9: of a run that nobody waited for the audit log keeps the call and, when it has ended, what it counted', async (t) => {
    const node = await startNode(t);
    transcripts(node).write('a', red('a'));
    const accepted = await run(node, { prefer: 'respond-async', 'X-Request-Id': 'ask-1' });
    assert.equal(accepted.status, 202);
    const [call] = await audited(node, 'POST /api/admin/run-session-processor', 1);
    assert.deepEqual([call.result, call.details, call.correlation_id], ['success', { run_id: accepted.json.run_id }, 'ask-1']);
    const [end] = await audited(node, 'END /api/admin/run-session-processor', 1);
    assert.deepEqual(end.details, { processor: 'verification', scanned: 1, processed: 1, skipped: 0, capped: 0, errors: 0, items_extracted: 1 });
    assert.deepEqual([end.result, end.actor, end.correlation_id, end.resource], ['success', call.actor, 'ask-1', `operation:${accepted.json.run_id}`]);
    assert.ok(end.id > call.id && end.duration_us >= 0);
});

test('T9: Prefer: respond-async is 202 and a run to follow', async (t) => {
    const node = await startNode(t);
    transcripts(node).write('a', green('a'));
    const accepted = await run(node, { prefer: 'respond-async' });
    assert.equal(accepted.status, 202);
    const ended = await waitUntil(async () => {
        const { json } = await node.get(accepted.headers.location);
        return json.state !== 'running' && json.status !== 'running' && json;
    }, 'the run to end');
    assert.match(JSON.stringify(ended), /"processed":1/);
    assert.deepEqual(await verdicts(node), { a: 'verified' });
});

test('T2: different means changed: append, truncate, replace, same size and time, old time, rename and pack', async (t) => {
    const node = await startNode(t);
    const files = transcripts(node);
    files.write('a', green('a'));
    await details(node);
    appendFileSync(files.file('a'), `${use('a', 't2', 'npm run lint')}\n${result('a', 't2', '✖ 2 problems (2 errors)', true)}\n${say('a', 'Lint is clean, all tests pass.')}\n`);
    assert.equal((await details(node)).processed, 1);
    assert.equal((await session(node, 'a')).verdict, 'contradicted');
    assert.equal((await session(node, 'a')).evidence.length, 2);
    files.write('a', green('a')); // shorter again: rows of what is gone are gone
    assert.equal((await details(node)).processed, 1);
    assert.equal((await session(node, 'a')).evidence.length, 1);
    const before = statSync(files.file('a'));
    const other = readFileSync(files.file('a'), 'utf8').replace('3 passed, 3 total', '3 failed, 3 total');
    writeFileSync(files.file('a'), other);
    utimesSync(files.file('a'), before.atime, before.mtime);
    assert.equal(statSync(files.file('a')).size, before.size);
    assert.equal((await details(node)).processed, 1);
    assert.equal((await session(node, 'a')).verdict, 'contradicted');
    writeFileSync(files.file('b'), green('b').join('\n') + '\n');
    utimesSync(files.file('b'), new Date('2020-01-01'), new Date('2020-01-01'));
    assert.equal((await details(node)).processed, 1);
    execFileSync('zstd', ['-q', '--rm', files.file('b')]);
    assert.equal((await details(node)).processed, 1);
    assert.equal((await node.get('/api/v1/verification')).json.sessions.length, 2); // packed it is the same session
    truncateSync(files.file('a'), 40);
    await details(node);
    rmSync(files.file('a')); // T5: what was found stays
    await details(node);
    assert.equal((await node.get('/api/v1/verification')).json.sessions.length, 2);
});

test('T2: of a file that has grown the new bytes alone are read, and the end is that of the whole', async (t) => {
    const node = await startNode(t);
    const files = transcripts(node);
    let read = 0; // /metrics may be a moment old, and never tells more than there was
    const readBytes = async () => Number(/^muster_transcript_read_bytes_total\{reader="processor"\} (\d+)$/m.exec((await node.get('/metrics', { accept: 'application/openmetrics-text; version=1.0.0' })).text)[1]);
    const talk = (s) => Array.from({ length: 600 }, (_, i) => say(s, `Still at step ${i} of it; nothing is run yet, nothing is claimed.`));
    files.write('long', [...talk('long'), use('long', 't1', 'npm test')]); // over the size from which a checkpoint is kept
    const size = () => statSync(files.file('long')).size;
    assert.ok(size() > 100000);
    const expectRead = async (bytes, what) => {
        await details(node);
        read += bytes;
        await waitUntil(async () => await readBytes() === read, `${what}: ${bytes} bytes more`);
    };
    await expectRead(size(), 'all of it');
    for (const lines of [[result('long', 't1', 'Tests: 1 failed, 3 total', true)], [use('long', 't2', 'npm test'), result('long', 't2', 'Tests: 3 passed, 3 total'), say('long', 'All tests pass.')]]) {
        const before = size();
        appendFileSync(files.file('long'), `${lines.join('\n')}\n`);
        await expectRead(size() - before, 'the new bytes, and no others');
    }
    const { evidence, ...grown } = await session(node, 'long');
    assert.deepEqual(evidence.map((e) => [e.command, e.outcome]), [['npm test', 'failed'], ['npm test', 'passed']], 'a use is still known when its result comes later');
    assert.equal(grown.verdict, 'verified');
    writeFileSync(files.file('long'), `${green('long').join('\n')}\n${talk('long').join('\n')}\n`);
    await expectRead(size(), 'another file under this name');
    assert.equal((await session(node, 'long')).evidence.length, 1);
});

test('T3: the unterminated last line waits, and torn lines are passed over', async (t) => {
    const node = await startNode(t);
    const files = transcripts(node);
    const lines = red('a');
    writeFileSync(files.file('a'), `${lines.slice(0, 3).join('\n')}\n${lines[3].slice(0, 60)}`);
    await details(node);
    assert.equal((await session(node, 'a')).claims_success, false);
    appendFileSync(files.file('a'), `${lines[3].slice(60)}\n{"type":"assist{"type":"user"\nnonsense\n`);
    await details(node);
    assert.equal((await session(node, 'a')).verdict, 'contradicted');
});

test('T7, T8: a poison file is told, tried again later, and delays nobody', async (t) => {
    const node = await startNode(t);
    const files = transcripts(node);
    files.write('a', green('a'));
    writeFileSync(files.file('poison'), 'no JSON\nat all\n');
    const first = await run(node);
    assert.equal(first.json.ok, false);
    assert.deepEqual([first.json.details.processed, first.json.details.errors], [1, 1]);
    assert.match(first.json.details.errors_detail[0].session, /poison\.jsonl$/);
    assert.match(first.json.details.errors_detail[0].error, /none of its 2 lines is a JSON object/);
    const second = await details(node); // its time has not come
    assert.deepEqual([second.processed, second.errors, second.skipped], [0, 0, 2]);
    files.write('poison', green('p')); // changed: at once
    assert.equal((await details(node)).processed, 1);
    assert.equal((await session(node, 'p')).verdict, 'verified');
});

test('T8: what is over the cap is capped and comes next, no error', async (t) => {
    const node = await startNode(t, { env: { SESSION_PROCESSOR_MAX_PER_RUN: '2' } });
    const files = transcripts(node);
    for (const name of ['a', 'b', 'c', 'd', 'e']) files.write(name, green(name));
    const runs = [await details(node), await details(node), await details(node), await details(node)];
    assert.deepEqual(runs.map((d) => [d.processed, d.capped, d.errors]), [[2, 3, 0], [2, 1, 0], [1, 0, 0], [0, 0, 0]]);
});

test('results outlive a restart, and kill -9 in the middle of runs loses none', async (t) => {
    const node = await startNode(t);
    const files = transcripts(node);
    for (let i = 0; i < 20; i++) files.write(`s${i}`, i % 2 ? red(`s${i}`) : green(`s${i}`));
    for (let round = 0; round < 3; round++) {
        void run(node).catch(() => {});
        void run(node).catch(() => {});
        await node.crash();
        await node.start();
    }
    await details(node);
    const found = await verdicts(node);
    assert.equal(Object.keys(found).length, 20);
    for (let i = 0; i < 20; i++) assert.equal(found[`s${i}`], i % 2 ? 'contradicted' : 'verified');
    assert.equal((await details(node)).processed, 0);
});

test('T1: a configured root is read, whatever CLI wrote what lies there', async (t) => {
    const node = await prepareNode(t);
    const root = path.join(node.dir, 'uploads');
    mkdirSync(path.join(root, 'ada'), { recursive: true });
    writeFileSync(path.join(root, 'ada', 'one.jsonl'), `${green('one').join('\n')}\n`);
    const at = (type, payload) => JSON.stringify({ timestamp: '2026-10-01T10:00:00.000Z', type, payload });
    writeFileSync(path.join(root, 'ada', 'two.jsonl'), [at('session_meta', { id: 'two', cwd: '/w' }),
        at('response_item', { type: 'function_call', name: 'exec_command', call_id: 'c', arguments: JSON.stringify({ cmd: 'pytest' }) }),
        at('response_item', { type: 'function_call_output', call_id: 'c', output: 'Process exited with code 0\nOutput:\n2 passed in 0.1s\n' }),
        at('response_item', { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'All tests pass.' }] }), ''].join('\n'));
    node.configure(`sessions {\n roots = { "${root}" }\n}`);
    await node.start();
    assert.equal((await details(node)).processed, 2);
    assert.deepEqual(await verdicts(node), { one: 'verified', two: 'verified' });
    assert.equal((await session(node, 'two')).agent, 'codex');
});
