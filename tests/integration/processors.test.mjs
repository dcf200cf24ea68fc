// processors.test.mjs -- processors of transcripts that are commands, what fails, what is tried again, and what an older store
// brings along (spec 60 T6 to T10, Health).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { muster, startNode, temporaryFolder } from '../lib/node.mjs';
import { waitUntil } from '../lib/wait.mjs';

let clock = Date.parse('2026-11-22T03:04:05Z');
const line = (session, role, text) => JSON.stringify({ type: role, uuid: `u${clock}`, sessionId: session, timestamp: new Date(clock += 1000).toISOString(),
    cwd: '/w', message: { role, content: text } });

class Sessions {
    constructor(t) {
        this.dir = temporaryFolder(t, 'muster-sessions-');
    }
    write(user, session, lines = [line(session, 'user', 'go'), line(session, 'assistant', 'gone')]) {
        const file = path.join(this.dir, user, `${session}.jsonl`);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, lines.map((l) => `${l}\n`).join(''));
        return file;
    }
    config(processors) {
        return `sessions { roots = { "${this.dir}" } }\n` + Object.entries(processors).map(([name, { command, ...more }]) =>
            `processor "${name}" { command = { ${command.map((w) => JSON.stringify(w)).join(', ')} } ${Object.entries(more).map(([k, v]) => `${k} = ${typeof v === 'number' ? v : `"${v}"`}`).join(' ')} }\n`).join('');
    }
}

const sql = (file, text) => execFileSync('sqlite3', ['-cmd', '.timeout 10000', file, text], { encoding: 'utf8' }).trim();
const sh = (script) => ({ command: ['sh', '-c', script] });
const run = (node, name, headers) => node.post(`/api/admin/run-session-processor?processor=${name}`, {}, headers);
const files = async (node, name, status = '') => (await node.get(`/api/v1/processors/${name}/files${status && `?status=${status}`}`)).json.files;
const counter = sh('n=0; while read -r l; do n=$((n+1)); done; echo "{\\"items\\": $n, \\"file\\": \\"$MUSTER_SESSION_FILE\\"}"');

test('T6: a command reads the turns of one session and its answer is kept; what is done is not run again', async (t) => {
    const sessions = new Sessions(t);
    const file = sessions.write('ann', 'one');
    sessions.write('bob', 'two', [line('two', 'user', 'a'), line('two', 'assistant', 'b'), line('two', 'user', 'c')]);
    const node = await startNode(t, { config: sessions.config({ counter }) });
    const details = { processor: 'counter', capped: 0, errors: 0, errors_detail: [] };
    assert.deepEqual((await run(node, 'counter')).json, { ok: true, details: { ...details, scanned: 2, processed: 2, skipped: 0, items_extracted: 5 } });
    assert.deepEqual((await run(node, 'counter')).json, { ok: true, details: { ...details, scanned: 2, processed: 0, skipped: 2, items_extracted: 0 } });
    const [first] = await files(node, 'counter');
    assert.equal(first.session_file, file);
    assert.deepEqual(first.result, { items: 2, file });
    assert.equal(first.status, 'done');
    const { files: known } = (await node.get('/api/v1/processors')).json;
    assert.deepEqual([known.count, known.walks_because], [2, null]);
    assert.ok(known.watched_directories >= 3, 'the root and the two below it');
});

test('T2, T6: turns = "new" gives what was added and the last answer, and all of it when the file is another', async (t) => {
    const sessions = new Sessions(t);
    const file = sessions.write('ann', 'one');
    const adds = sh('read -r first; n=$(printf %s "$first" | grep -o "items.*" | tr -dc 0-9); m=0; while read -r l; do m=$((m+1)); done; echo "{"; echo "\\"new\\": $m, \\"items\\": $((n+m)) }"');
    const node = await startNode(t, { config: sessions.config({ adds: { ...adds, turns: 'new' } }) });
    const result = async () => {
        assert.equal((await run(node, 'adds')).json.details.errors, 0);
        return (await files(node, 'adds'))[0].result;
    };
    assert.deepEqual(await result(), { new: 2, items: 2 });
    appendFileSync(file, `${line('one', 'user', 'more')}\n`);
    assert.deepEqual(await result(), { new: 1, items: 3 });
    appendFileSync(file, `${line('one', 'user', 'even more')}\n${line('one', 'assistant', 'well')}\n`);
    assert.deepEqual(await result(), { new: 2, items: 5 });
    sessions.write('ann', 'one', Array.from({ length: 9 }, () => line('one', 'user', 'another file')));
    assert.deepEqual(await result(), { new: 9, items: 9 });
});

test('T8: one that crashes, hangs, talks nonsense or cannot be started fails alone, with the reason', async (t) => {
    const sessions = new Sessions(t);
    sessions.write('ann', 'one');
    const node = await startNode(t, { config: sessions.config({
        crash: sh('kill -SEGV $$'), hang: { ...sh('sleep 600'), timeout: '300ms' }, nonsense: sh('echo hello'), code: sh('echo why >&2; exit 3'),
        absent: { command: ['/nowhere/nothing'] }, chatty: sh('cat /dev/zero | head -c 100000'), counter }) });
    const reasons = { crash: /signal 11/, hang: /longer than 300ms/, nonsense: /JSON object/, code: /code 3: why/, absent: /cannot be started/, chatty: /more than 64 KiB/ };
    const answers = await Promise.all([...Object.keys(reasons), 'counter'].map((name) => run(node, name)));
    Object.entries(reasons).forEach(([name, reason], i) => {
        const { ok, details } = answers[i].json;
        assert.deepEqual([answers[i].status, ok, details.processed, details.errors], [200, false, 0, 1], name);
        assert.match(details.errors_detail[0].error, reason);
    });
    assert.equal(answers.at(-1).json.details.processed, 1);
    const [failed] = await files(node, 'crash', 'failed');
    assert.equal(failed.attempts, 1);
    assert.ok(Date.parse(failed.next_retry_at) > Date.now());
    assert.equal((await run(node, 'crash')).json.details.skipped, 1);
});

test('T7: after five failures a file is set apart, told in health, and comes back when an operator says so', async (t) => {
    const sessions = new Sessions(t);
    const file = sessions.write('ann', 'one');
    sessions.write('bob', 'two');
    const node = await startNode(t, { config: sessions.config({ picky: sh(`case $MUSTER_SESSION_FILE in */one.jsonl) [ -e ${sessions.dir}/mended ];; esac && echo '{"items": 1}'`) }) });
    assert.deepEqual(await run(node, 'picky').then(({ json }) => [json.details.processed, json.details.errors]), [1, 1]);
    for (let attempt = 2; attempt <= 5; attempt++) {
        sql(node.storePath, "UPDATE processor_state SET next_retry_at = 1 WHERE status = 'failed'");
        assert.equal((await run(node, 'picky')).json.details.errors_detail[0].attempts, attempt);
    }
    const [apart] = await files(node, 'picky', 'quarantined');
    assert.equal(apart.session_file, file);
    assert.equal((await run(node, 'picky')).json.details.errors, 0);
    assert.equal((await node.get('/api/health')).json.sections['processor:picky'].status, 'info');
    writeFileSync(path.join(sessions.dir, 'mended'), '');
    assert.equal((await node.post('/api/v1/processors/picky/requeue', { path: '/no/such' })).status, 404);
    assert.deepEqual((await node.post('/api/v1/processors/picky/requeue', { path: file })).json, { processor: 'picky', requeued: 1 });
    assert.equal((await run(node, 'picky')).json.details.processed, 1);
    const { processors } = (await node.get('/api/v1/processors')).json;
    assert.deepEqual(processors.map((p) => p.name), ['usage', 'verification', 'picky']);
    assert.deepEqual([processors[2].done, processors[2].quarantined], [2, 0]);
});

test('T9: budgets leave the rest over, users take turns, a second run is busy, an unknown name is told the known ones', async (t) => {
    const sessions = new Sessions(t);
    for (const session of ['a1', 'a2', 'a3']) sessions.write('ann', session);
    sessions.write('bob', 'b1');
    const gate = path.join(sessions.dir, 'gate');
    const node = await startNode(t, { env: { SESSION_PROCESSOR_MAX_PER_RUN: '2' }, config: sessions.config({
        counter, slow: { ...sh(`until [ -e ${gate} ]; do sleep 0.05; done; echo '{}'`), timeout: '60s' } }) });
    const { details } = (await run(node, 'counter')).json;
    assert.deepEqual([details.processed, details.capped, details.errors], [2, 2, 0]);
    const users = (await files(node, 'counter')).map((f) => path.basename(path.dirname(f.session_file)));
    assert.deepEqual(users.sort(), ['ann', 'bob']);
    const begun = await run(node, 'slow', { Prefer: 'respond-async' });
    assert.equal(begun.status, 202);
    const busy = await run(node, 'slow');
    assert.equal(busy.status, 409);
    assert.match(busy.json.detail, /busy/);
    assert.equal((await run(node, 'counter')).json.details.processed, 2);
    writeFileSync(gate, '');
    const ended = await waitUntil(async () => {
        const { json } = await node.get(begun.headers.location);
        return json.state === 'done' && json;
    }, 'the run to end');
    assert.equal(ended.result.processed, 2);
    const unknown = await run(node, 'nothing');
    assert.equal(unknown.status, 400);
    for (const name of ['usage', 'verification', 'counter', 'slow']) assert.match(unknown.json.detail, new RegExp(name));
    const entries = await waitUntil(async () => {
        const rows = (await node.get('/api/v1/audit?limit=1000')).json.entries;
        return rows.some((e) => e.action === 'END /api/admin/run-session-processor') && rows;
    }, 'the end of the run in the audit log');
    const refused = entries.filter((e) => e.action.includes('run-session-processor') && e.result === 'busy');
    assert.deepEqual(refused.map((e) => [e.params, e.details]), [[{ processor: 'slow' }, null]]);
    assert.match(refused[0].error, /busy/);
    const slow = entries.filter((e) => e.action === 'END /api/admin/run-session-processor');
    assert.deepEqual(slow.map((e) => [e.details.processor, e.details.processed, e.details.capped]), [['slow', 2, 2]]);
});

test('T10: the rows of session_extraction_state become those of verification, once, and the table goes', async (t) => {
    const dir = temporaryFolder(t), data = path.join(dir, 'data');
    mkdirSync(data, { recursive: true });
    const store = path.join(data, 'muster.db');
    sql(store, `CREATE TABLE session_extraction_state (session_file VARCHAR PRIMARY KEY, username VARCHAR, processed_at TIMESTAMP, items_extracted INTEGER, file_hash VARCHAR);
        INSERT INTO session_extraction_state VALUES ('ann/one.jsonl', 'ann', '2026-03-15 10:00:00', 3, 'x'), ('bob/two.jsonl', 'bob', NULL, 0, NULL)`);
    for (let start = 0; start < 2; start++) {
        const node = await startNode(t, { dir });
        const rows = await files(node, 'verification');
        assert.deepEqual(rows.map((r) => [r.session_file, r.status, r.items_extracted]), [['ann/one.jsonl', 'done', 3], ['bob/two.jsonl', 'done', 0]]);
        assert.equal(rows[0].processed_at, '2026-03-15T10:00:00.000000Z');
        await node.stop();
    }
    assert.equal(sql(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'session_extraction_state'"), '0');
});

test('Health: a file that has waited longer than twice the cadence degrades its processor alone; nothing waiting is ok', async (t) => {
    const sessions = new Sessions(t);
    const file = sessions.write('ann', 'one');
    const node = await startNode(t, { config: sessions.config({ counter: { ...counter, cadence: '1h' } }) });
    const health = async () => (await node.get('/api/health')).json.sections;
    const at = (minutes) => utimesSync(file, new Date(), new Date(Date.now() - minutes * 60_000));
    at(20);
    assert.equal((await health())['processor:verification'].status, 'ok');
    at(31); // twice the 15 minutes of verification, not of an hour
    const sections = await health();
    assert.equal(sections['processor:verification'].status, 'degraded');
    assert.match(sections['processor:verification'].detail, /one\.jsonl for 31m.*never run/);
    const listed = async () => Object.fromEntries((await node.get('/api/v1/processors')).json.processors.map((p) => [p.name, p]));
    for (const name of ['verification', 'counter']) {
        const { waiting, oldest_waiting: oldest } = (await listed())[name];
        assert.deepEqual([waiting, oldest.path, Date.parse(oldest.since)], [1, file, Math.floor(statSync(file).mtimeMs)]);
        assert.ok(oldest.age_s >= 31 * 60 && oldest.age_s < 40 * 60, JSON.stringify(oldest));
    }
    assert.match((await muster(['processors'], { node })).stdout, /verification .* 1 +\d{4}-\d\d-\d\dT\S+ +\S+one\.jsonl/);
    assert.equal(sections['processor:counter'].status, 'ok');
    assert.equal((await run(node, 'verification')).json.details.processed, 1);
    assert.equal((await health())['processor:verification'].status, 'ok');
    const { verification, counter: other } = await listed();
    assert.deepEqual([verification.waiting, verification.oldest_waiting, other.waiting], [0, null, 1]);
});

test('T9: a run that was killed in its middle leaves no lease behind, and the next one does what is left', async (t) => {
    const sessions = new Sessions(t);
    for (const session of ['s1', 's2', 's3']) sessions.write('ann', session);
    const gate = path.join(sessions.dir, 'gate');
    const config = sessions.config({ slow: sh(`case $MUSTER_SESSION_FILE in */s2.jsonl) until [ -e ${gate} ]; do sleep 0.05; done;; esac; echo '{"items": 1}'`) });
    const node = await startNode(t, { config });
    assert.equal((await run(node, 'slow', { Prefer: 'respond-async' })).status, 202);
    await waitUntil(async () => (await files(node, 'slow')).length > 0, 'the first session to be committed');
    await node.crash();
    writeFileSync(gate, '');
    await node.start();
    const done = (await files(node, 'slow')).length;
    const { json } = await run(node, 'slow');
    assert.deepEqual([json.details.processed, json.details.errors], [3 - done, 0]);
    assert.deepEqual((await files(node, 'slow')).map((f) => f.result), [{ items: 1 }, { items: 1 }, { items: 1 }]);
});
