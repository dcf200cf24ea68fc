// spec 60 T1-T5, U1-U5: `muster usage` with no daemon and no configuration.  Expected sums are arithmetic on the lines above them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { binary, startNode } from '../lib/node.mjs';
import { random, writeTranscripts } from '../lib/transcripts.mjs';
import { UsageHome, claudeLine, codexLine, codexReport } from '../lib/usage.mjs';

const text = (l) => JSON.stringify(l) + '\n';
const output = async (home, ...args) => (await home.report('daily', '-z', 'UTC', ...args)).totals.output_tokens;
const opus = 'claude-opus-4-5-20251101';

test('U5: with nothing there it says so and succeeds', async (t) => {
    const home = new UsageHome(t);
    const { code, out, err } = await home.muster();
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /no usage was found/);
    assert.deepEqual((await home.report('daily')).daily, []);
});

test('U5: an invalid zone, date, agent or report is exit 2 and one line', async (t) => {
    const home = new UsageHome(t);
    for (const args of [['-z', 'Mars/Olympus'], ['-z', ''], ['-z', '../passwd'], ['--since', '2026-13-01'], ['--since', '2026-02-30'], ['--until', 'today'], ['--until', ''],
        ['--source', 'cursor'], ['--compat', 'other'], ['--compat=ccusage', '-z', 'Nowhere'], ['yearly']]) {
        const { code, out, err } = await home.muster(...args);
        assert.equal(code, 2, args.join(' '));
        assert.equal(out, '');
        assert.equal(err.trimEnd().split('\n').length, 1, err);
    }
});

test('U2: an answer that is told several times counts once, with its largest total', async (t) => {
    const home = new UsageHome(t);
    const told = (output_tokens, more) => claudeLine({ input_tokens: 5, output_tokens }, { id: 'm1', requestId: 'r1', ...more });
    home.session('-home-u-app/s1', [told(3), told(40), told(7)]);
    home.session('-home-u-app/s2', [told(40)]); // a copy in a resumed session
    home.session('-home-u-app/s1/subagents/agent-1', [told(40, { isSidechain: true })]);
    const { totals, sessions } = await home.report('session');
    assert.deepEqual([totals.output_tokens, totals.input_tokens, totals.messages], [40, 5, 1]);
    assert.deepEqual(sessions.map((s) => s.session), ['s1'], 'it is booked where it was given');
});

test('U2: without a request id the blocks of an answer still count once', async (t) => {
    const home = new UsageHome(t);
    const told = (output_tokens, second) => claudeLine({ output_tokens }, { id: 'm1', requestId: null, timestamp: `2026-11-01T10:00:0${second}.000Z` });
    home.session('p/s1', [told(3, 1), told(40, 2)]);
    assert.equal(await output(home), 40);
});

test('U2: a side chain that tells an answer of its session again is not counted, whatever its request and time', async (t) => {
    const home = new UsageHome(t);
    const main = claudeLine({ output_tokens: 40 }, { id: 'm1', requestId: 'r1' });
    const side = claudeLine({ output_tokens: 40 }, { id: 'm1', requestId: 'r2', isSidechain: true, timestamp: '2026-11-01T11:00:00.000Z' });
    for (const lines of [[main, side], [side, main]]) {
        const home2 = new UsageHome(t);
        home2.session('p/s1', lines);
        assert.equal(await output(home2), 40);
    }
    home.session('p/s1', [side]);
    assert.equal(await output(home), 40, 'alone it counts');
});

test('U1, U4: cost is that of the day; what has no price is null and named; parts have their own price', async (t) => {
    const home = new UsageHome(t);
    const at = (day) => ({ timestamp: `${day}T10:00:00.000Z` });
    home.session('p/s1', [
        claudeLine({ output_tokens: 1000000 }, { model: 'gpt-5.6-luna', ...at('2026-07-29') }), // 6 USD per million
        claudeLine({ output_tokens: 1000000 }, { model: 'gpt-5.6-luna', ...at('2026-07-30') }), // 1.20
        claudeLine({ input_tokens: 100, cache_creation_input_tokens: 3000, cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 2000 }, cache_read_input_tokens: 10000, output_tokens: 10 },
            { model: opus, ...at('2026-08-01') }), // 100*5 + 1000*6.25 + 2000*10 + 10000*0.5 + 10*25 = 32000 micro
        claudeLine({ input_tokens: 300000, output_tokens: 1000 }, { model: 'claude-sonnet-4-5', ...at('2026-08-02') }), // whole request: 300000*6 + 1000*22.5
        claudeLine({ output_tokens: 1000, service_tier: 'batch' }, { model: opus, ...at('2026-08-03') }), // half of 25000 micro
        claudeLine({ output_tokens: 1000, server_tool_use: { web_search_requests: 2 } }, { model: opus, ...at('2026-08-04') }), // 25000 + 2 cents
        claudeLine({ output_tokens: 1000, speed: 'fast' }, { model: 'claude-opus-4-6', ...at('2026-08-05') }), // 6 * 25000
        claudeLine({ output_tokens: 1000, inference_geo: 'us' }, { model: 'claude-opus-4-6', ...at('2026-08-06') }), // 1.1 * 25000
        claudeLine({ output_tokens: 7 }, { model: 'claude-nope-1', ...at('2026-08-07') }),
    ]);
    const r = await home.report('daily', '-z', 'UTC');
    assert.deepEqual(Object.fromEntries(r.daily.map((d) => [d.date, d.cost_usd])), { '2026-07-29': 6, '2026-07-30': 1.2, '2026-08-01': 0.032, '2026-08-02': 1.8225,
        '2026-08-03': 0.0125, '2026-08-04': 0.045, '2026-08-05': 0.15, '2026-08-06': 0.0275, '2026-08-07': null });
    assert.deepEqual(r.unpriced_models, ['claude-nope-1']);
    assert.equal(r.totals.cost_usd, null);
    assert.equal(r.totals.priced_cost_usd, 9.2895);
});

test('U3: Codex tells totals: repeats, last requests, growth, cached inside input, the model of the last turn', async (t) => {
    const home = new UsageHome(t);
    home.rollout('2026/11/01/rollout-x', [codexLine('session_meta', { id: 'x', cwd: '/home/u/app', git: { branch: 'next' } }), codexLine('turn_context', { model: 'gpt-5.4' }),
        codexReport({ input_tokens: 1000, cached_input_tokens: 400, output_tokens: 50 }, { input_tokens: 1000, cached_input_tokens: 400, output_tokens: 50 }),
        codexReport({ input_tokens: 1000, cached_input_tokens: 400, output_tokens: 50 }, { input_tokens: 1000, cached_input_tokens: 400, output_tokens: 50 }),
        codexReport(null, { input_tokens: 1700, cached_input_tokens: 900, output_tokens: 60 }),
        codexLine('event_msg', { type: 'token_count', info: null }), codexLine('turn_context', { model: 'gpt-5.5' }),
        codexReport({ input_tokens: 10, output_tokens: 1 }, { input_tokens: 1710, cached_input_tokens: 900, output_tokens: 61 }), codexReport({ output_tokens: 9 }, null, 'not a time')]);
    const { totals, models, skipped_lines } = await home.report('models');
    assert.deepEqual([totals.input_tokens, totals.cache_read_tokens, totals.output_tokens], [600 + 200 + 10, 400 + 500, 50 + 10 + 1]);
    assert.deepEqual(Object.fromEntries(models.map((m) => [m.model, m.output_tokens])), { 'gpt-5.4': 60, 'gpt-5.5': 1 });
    assert.equal(skipped_lines.bad_time, 1, 'one bad line never stops a report');
    const [session] = (await home.report('session')).sessions;
    assert.deepEqual([session.session, session.project, session.branch], ['x', '-home-u-app', 'next']);
});

test('U3: what a fork tells of its parent is not counted again, with the parent there or not', async (t) => {
    const parent = [codexLine('session_meta', { id: 'aaaa' }), codexReport({ input_tokens: 100, output_tokens: 1 }, { input_tokens: 100, output_tokens: 1 }, '2026-11-01T09:00:00.000Z'),
        codexReport({ input_tokens: 200, output_tokens: 2 }, { input_tokens: 300, output_tokens: 3 }, '2026-11-01T09:01:00.000Z')];
    const fork = [codexLine('session_meta', { id: 'bbbb', forked_from_id: 'aaaa' }), codexReport({ input_tokens: 100, output_tokens: 1 }, { input_tokens: 100, output_tokens: 1 }),
        codexReport({ input_tokens: 200, output_tokens: 2 }, { input_tokens: 300, output_tokens: 3 }), codexReport({ input_tokens: 50, output_tokens: 10 }, { input_tokens: 350, output_tokens: 13 }, '2026-11-01T10:05:00.000Z')];
    const both = new UsageHome(t), alone = new UsageHome(t), late = new UsageHome(t);
    both.rollout('rollout-aaaa', parent);
    both.rollout('rollout-bbbb', fork);
    assert.equal(await output(both), 1 + 2 + 10);
    alone.rollout('rollout-bbbb', fork);
    assert.equal(await output(alone), 10);
    late.rollout('rollout-aaaa', parent);
    late.rollout('rollout-bbbb', fork.slice(0, 3));
    assert.equal(await output(late), 3, 'a fork that has done nothing yet');
    late.rollout('rollout-bbbb', fork);
    assert.equal(await output(late), 13, 'and then goes on');
});

test('U1: Gemini CLI: cached inside input, thoughts billed as output, a record told again counts once', async (t) => {
    const home = new UsageHome(t);
    const record = (tokens, more) => ({ id: 'g1', timestamp: '2026-11-01T10:00:00.000Z', type: 'gemini', content: 'x', model: 'gemini-2.5-flash', tokens, ...more });
    home.write('home/.gemini/tmp/app/chats/session-2026-11-01T10-00-abcdef12.jsonl', [{ sessionId: 'abcdef12-1', projectHash: 'h', startTime: '2026-11-01T10:00:00.000Z', kind: 'main' },
        { id: 'u1', timestamp: '2026-11-01T10:00:00.000Z', type: 'user', content: 'x' }, record({ input: 1000, output: 10, cached: 300, thoughts: 5, tool: 2, total: 1017 }),
        { $set: { lastUpdated: '2026-11-01T10:00:01.000Z' } }, record({ input: 1000, output: 10, cached: 300, thoughts: 5, tool: 2, total: 1017 }, { toolCalls: [] })]);
    const { totals } = await home.report('daily', '--source', 'gemini');
    assert.deepEqual([totals.input_tokens, totals.cache_read_tokens, totals.output_tokens, totals.reasoning_tokens, totals.total_tokens], [702, 300, 15, 5, 1017]);
});

test('U1: parts add up to the total in every grouping, and zones move answers between days', async (t) => {
    const home = new UsageHome(t);
    await writeTranscripts(home.dir, { seed: 7, megabytes: 1 });
    const seen = [];
    for (const zone of ['UTC', 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Kiritimati']) {
        for (const group of ['daily', 'weekly', 'monthly', 'session', 'models', 'projects', 'blocks']) {
            const r = await home.report(group, '-z', zone), rows = Object.values(r).find(Array.isArray);
            for (const kind of Object.keys(r.totals).filter((k) => Number.isInteger(r.totals[k]) && !k.includes('cost'))) {
                assert.equal(rows.reduce((sum, row) => sum + row[kind], 0), r.totals[kind], `${zone} ${group} ${kind}`);
                assert.equal(rows.reduce((sum, row) => sum + row.models.reduce((s, m) => s + m[kind], 0), 0), r.totals[kind], `${zone} ${group} ${kind}: models`);
            }
            seen.push(JSON.stringify([r.totals.total_tokens, r.totals.messages, r.totals.priced_cost_usd]));
        }
    }
    assert.deepEqual([...new Set(seen)].length, 1, 'every report has the same total');
});

test('U5: days are those of the zone, on both sides of a change of the clock', async (t) => {
    const home = new UsageHome(t);
    const at = (timestamp) => claudeLine({ output_tokens: 1 }, { timestamp });
    // Europe/Prague goes from +02:00 to +01:00 on 2026-10-25 at 01:00 UTC.
    home.session('p/s1', [at('2026-10-24T21:59:59.000Z'), at('2026-10-24T22:00:00.000Z'), at('2026-10-25T22:59:59.000Z'), at('2026-10-25T23:00:00.000Z')]);
    const { daily } = await home.report('daily', '-z', 'Europe/Prague');
    assert.deepEqual(daily.map((d) => [d.date, d.output_tokens]), [['2026-10-24', 1], ['2026-10-25', 2], ['2026-10-26', 1]]);
    const within = await home.report('daily', '-z', 'Europe/Prague', '--since', '20261025', '--until', '2026-10-25');
    assert.deepEqual(within.daily.map((d) => d.date), ['2026-10-25']);
});

test('T3: torn, glued and foreign lines are counted by reason, and what is whole in them counts', async (t) => {
    const home = new UsageHome(t);
    const line = (output_tokens) => JSON.stringify(claudeLine({ output_tokens }, {}));
    const deep = `{"type":"assistant","x":${'['.repeat(200)}${']'.repeat(200)},"message":{"usage":{}}}`;
    const latin = Buffer.concat([Buffer.from(line(32).replace('"done"', '"d')), Buffer.from([0xe9]), Buffer.from('"}]}')]);
    mkdirSync(home.file('claude/projects/p'), { recursive: true });
    writeFileSync(home.file('claude/projects/p/s1.jsonl'), Buffer.concat([
        Buffer.from([line(1).slice(0, 200) + line(1), line(2) + line(4), line(8).replace('"usage":{', '"usage" : {'), '["usage"]', deep, line(16).replace('"id":"msg', '"x":{"id":null},"id":"msg'),
            line(64).replace('"timestamp":"2026', '"timestamp":"x2026'), line(128).replace('"output_tokens":128', '"output_tokens":-128'), line(256).replace('"done"', '"\\ud800"')].join('\n') + '\n'),
        Buffer.from(line(512).replace('"done"', '"d')).subarray(0, 40), Buffer.from('\n'), Buffer.from(line(32)).map((b) => (b === 0x68 ? 0xe9 : b)), Buffer.from('\n'), Buffer.alloc(0, latin)]));
    const { totals, skipped_lines } = await home.report('daily');
    assert.equal(totals.output_tokens, 1 + 2 + 4 + 8 + 16 + 256);
    const { malformed, torn, no_object, too_deep, bad_time, bad_count, not_utf8 } = skipped_lines;
    assert.deepEqual({ glued: malformed + torn, no_object, too_deep, bad_time, bad_count, not_utf8 }, { glued: 1, no_object: 1, too_deep: 1, bad_time: 1, bad_count: 1, not_utf8: 1 });
});

test('T3: an unterminated last line counts as soon as it is whole, and once', async (t) => {
    const home = new UsageHome(t);
    const whole = JSON.stringify(claudeLine({ output_tokens: 5 }));
    home.session('p/s1', []);
    const file = home.file('claude/projects/p/s1.jsonl');
    for (const [more, expected] of [[whole.slice(0, 50), 0], [whole.slice(50), 5], ['\n', 5], [whole.replace(/msg_\d+/, 'msg_other'), 10]]) {
        appendFileSync(file, more);
        const r = await home.report('daily');
        assert.equal(r.totals.output_tokens, expected);
        assert.equal(Object.values(r.skipped_lines).reduce((a, b) => a + b), 0);
    }
});

test('T2: the second run reads only what is new', async (t) => {
    const home = new UsageHome(t);
    home.session('p/s1', Array.from({ length: 500 }, (_, i) => claudeLine({ output_tokens: i })));
    home.session('p/s2', [claudeLine({ output_tokens: 1 })]);
    assert.equal((await home.report('daily')).files_read, 2);
    assert.deepEqual(await home.report('daily').then((r) => [r.files_read, r.bytes_read]), [0, 0]);
    const more = text(claudeLine({ output_tokens: 7 }));
    appendFileSync(home.file('claude/projects/p/s1.jsonl'), more);
    const r = await home.report('daily');
    assert.deepEqual([r.files_read, r.bytes_read, r.totals.output_tokens], [1, more.length, 499 * 250 + 1 + 7]);
});

test('T1, T2, T5: append, truncate, replace, rename, compress, delete, same size and time, old times: what was seen counts once', async (t) => {
    const home = new UsageHome(t);
    const file = home.file('claude/projects/p/s1.jsonl'), line = (output_tokens) => claudeLine({ output_tokens }, {});
    const lines = [1, 2, 4, 8].map(line);
    home.session('p/s1', lines.slice(0, 2));
    assert.equal(await output(home), 3);
    const { atime, mtime } = statSync(file);
    const other = JSON.parse(JSON.stringify(lines[0]).replace(/msg_\d/, 'msg_#'));
    home.session('p/s1', [other, lines[1]]); // as long as before, and made to look as old
    utimesSync(file, atime, mtime);
    assert.equal(await output(home), 4, 'same size and mtime, other content');
    truncateSync(file, text(other).length);
    assert.equal(await output(home), 4, 'truncated');
    appendFileSync(file, text(lines[2]));
    assert.equal(await output(home), 8, 'grown again, to another size');
    renameSync(file, home.file('claude/projects/p/s9.jsonl'));
    assert.equal(await output(home), 8, 'renamed');
    copyFileSync(home.file('claude/projects/p/s9.jsonl'), file);
    utimesSync(file, 1, 1);
    assert.equal(await output(home), 8, 'a copy with an old time');
    home.session('p/s1', [lines[3]]);
    utimesSync(file, 1, 1);
    assert.equal(await output(home), 16, 'replaced, with the old time');
    execFileSync('zstd', ['-q', '--rm', file]);
    assert.equal(await output(home), 16, 'compressed');
    home.session('p/s1', [lines[3]]);
    assert.equal(await output(home), 16, 'plain and compressed side by side');
    rmSync(home.file('claude/projects/p'), { recursive: true });
    assert.equal(await output(home), 16, 'deleted');
    mkdirSync(home.file('elsewhere'));
    symlinkSync(home.file('elsewhere'), home.file('claude/projects/linked'));
    symlinkSync(home.file('claude/projects'), home.file('claude/projects/loop'));
    writeFileSync(home.file('elsewhere/s2.jsonl'), text(line(32)));
    assert.equal(await output(home), 48, 'behind a link, in spite of a loop');
});

test('T1: a compressed rollout alone is read', async (t) => {
    const home = new UsageHome(t);
    home.rollout('2026/11/01/rollout-z', [codexLine('session_meta', { id: 'z' }), codexReport({ output_tokens: 3 }, { output_tokens: 3 })]);
    execFileSync('zstd', ['-q', '--rm', home.file('codex/sessions/2026/11/01/rollout-z.jsonl')]);
    assert.equal(await output(home), 3);
});

test('T2: in any order of events the sums are those of a full scan', async (t) => {
    const r = random(42), home = new UsageHome(t), fresh = new UsageHome(t);
    const seen = new Map(), files = new Map();
    const at = (name) => home.file(`claude/projects/p/${name}.jsonl`);
    const newLine = () => claudeLine({ output_tokens: 1 + r.below(9) }, r.chance(0.3) && seen.size ? { id: `m${r.below(40)}`, requestId: 'r' } : {});
    mkdirSync(home.file('claude/projects/p'), { recursive: true });
    for (let step = 0; step < 120; step++) {
        const name = `s${r.below(4)}`, old = files.get(name) ?? [];
        const change = r.pick(['append', 'append', 'append', 'truncate', 'replace', 'delete', 'rename', 'copy']);
        if (change === 'append') files.set(name, [...old, ...Array.from({ length: 1 + r.below(3) }, newLine)]);
        else if (change === 'truncate') files.set(name, old.slice(0, r.below(old.length + 1)));
        else if (change === 'replace') files.set(name, [newLine(), newLine()]);
        else if (change === 'delete') files.set(name, null);
        else files.set(`s${r.below(4)}`, old);
        if (change === 'rename') files.set(name, null);
        for (const [file, lines] of files) {
            if (!lines) rmSync(at(file), { force: true });
            else if (change === 'append' && file === name && files.get(name) !== old && old.length) appendFileSync(at(file), lines.slice(old.length).map(text).join(''));
            else if (lines.map(text).join('') !== tryRead(at(file))) writeFileSync(at(file), lines.map(text).join(''));
        }
        for (const lines of files.values())
            for (const l of lines ?? []) seen.set(`${l.message.id}|${l.requestId}`, Math.max(seen.get(`${l.message.id}|${l.requestId}`) ?? 0, l.message.usage.output_tokens));
        if (r.chance(0.3) || step === 119) assert.equal(await output(home), [...files.values()].length && [...seen.values()].reduce((a, b) => a + b, 0), `after step ${step}: ${change}`);
        else await output(home);
    }
    fresh.session('p/all', [...seen].map(([key, output_tokens]) => claudeLine({ output_tokens }, { id: key.split('|')[0], requestId: key.split('|')[1] })));
    assert.equal(await output(fresh), await output(home));
});

function tryRead(file) {
    try {
        return readFileSync(file, 'utf8');
    } catch {
        return '';
    }
}

test('U5: a damaged or foreign cache is begun anew, and a cache that cannot be written does not matter', async (t) => {
    const home = new UsageHome(t);
    home.session('p/s1', [claudeLine({ output_tokens: 5 })]);
    assert.equal(await output(home), 5);
    const cache = home.file('cache/muster/usage/ledger');
    for (const damage of [(b) => b.subarray(0, 100), (b) => b.fill(0xff, 0, 64), () => Buffer.from('x'), (b) => Buffer.concat([b, b])]) {
        writeFileSync(cache, damage(readFileSync(cache)));
        assert.equal(await output(home), 5);
    }
    appendFileSync(home.file('cache/muster/usage/ledger.journal'), 'torn batch');
    assert.equal(await output(home), 5);
    const blocked = new UsageHome(t);
    blocked.session('p/s1', [claudeLine({ output_tokens: 5 })]);
    writeFileSync(blocked.file('cache'), 'a file');
    assert.equal(await output(blocked), 5);
});

test('U5: many runs at once agree', async (t) => {
    const home = new UsageHome(t);
    await writeTranscripts(home.dir, { seed: 9, megabytes: 1 });
    const sums = await Promise.all(Array.from({ length: 6 }, () => output(home)));
    assert.equal(new Set(sums).size, 1);
});

test('U5: statusline reads what Claude Code sends and answers in one line', async (t) => {
    const home = new UsageHome(t);
    const now = new Date().toISOString();
    home.session('p/s1', [claudeLine({ output_tokens: 40000 }, { timestamp: now })]); // 1 USD
    const run = (input) => execFileSync(path.resolve(process.env.MUSTER_BUILD ?? 'build', 'muster'), ['usage', 'statusline', '-z', 'UTC'], { env: home.environment, input }).toString();
    assert.match(run(JSON.stringify({ session_id: 's1', model: { id: opus, display_name: 'Opus 4.5' } })), /^Opus 4\.5 \| \$1\.00 session, \$1\.00 today, \$1\.00 block \(\dh \d+m left\)\n$/);
    assert.throws(() => run('nonsense'), { status: 1 });
});

test('U6: GET /api/v1/usage answers what muster usage answers, to the token, and the parts of each grouping add up', async (t) => {
    const home = new UsageHome(t);
    await writeTranscripts(home.dir, { seed: 11, megabytes: 1 });
    const { CLAUDE_CONFIG_DIR, CODEX_HOME } = home.environment;
    const node = await startNode(t, { env: { CLAUDE_CONFIG_DIR, CODEX_HOME } });
    const zone = 'Asia/Kathmandu', strip = ({ files_read, bytes_read, zone: name, ...rest }) => rest;
    for (const [group, verb] of [['day', 'daily'], ['week', 'weekly'], ['month', 'monthly'], ['session', 'session'], ['model', 'models'], ['project', 'projects'], ['block', 'blocks'], ['branch', 'branches'], ['agent', 'agents'],
        ['chain', 'chains'], ['hour', 'hourly']]) {
        const { status, json } = await node.get(`/api/v1/usage?group=${group}&zone=${encodeURIComponent(zone)}`);
        assert.equal(status, 200);
        assert.deepEqual(strip(json), strip(await home.report(verb, '-z', zone)), group);
    }
    const whole = (await node.get('/api/v1/usage')).json.totals;
    for (const [group, list] of [['session', 'sessions'], ['model', 'models'], ['project', 'projects'], ['block', 'blocks'], ['branch', 'branches'], ['agent', 'agents'], ['chain', 'chains'], ['hour', 'hourly']]) {
        const { json: parts } = await node.get(`/api/v1/usage?group=${group}`);
        for (const kind of ['input_tokens', 'output_tokens', 'cache_creation_tokens', 'cache_read_tokens', 'reasoning_tokens', 'web_searches', 'total_tokens', 'messages'])
            assert.equal(parts[list].reduce((sum, row) => sum + row[kind], 0), whole[kind], `${group}: the parts of ${kind}`);
    }
    const { json } = await node.get('/api/v1/usage?group=model&bucket=month'), plain = (await node.get('/api/v1/usage?bucket=month')).json;
    assert.deepEqual(json.totals, plain.totals);
    for (const month of plain.monthly) {
        const rows = json.models.filter((m) => m.bucket === month.month);
        assert.equal(rows.reduce((sum, row) => sum + row.total_tokens, 0), month.total_tokens);
    }
    for (const wrong of ['group=year', 'bucket=session', 'zone=Mars', 'from=today', 'to=2026-02-30', 'source=cursor', 'group=day&bucket=month'])
        assert.equal((await node.get(`/api/v1/usage?${wrong}`)).status, 400, wrong);
    const file = path.join(CLAUDE_CONFIG_DIR, 'projects/p/late.jsonl');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text(claudeLine({ output_tokens: 7 }, { model: 'claude-late' })));
    await node.waitFor(async () => (await node.get('/api/v1/usage?group=model')).json.models.some((m) => m.model === 'claude-late'), 'the new transcript');
});

test('U1, U6: by the hours of any zone, by branch of a project, by agent, by main thread and subagents', async (t) => {
    const home = new UsageHome(t);
    const line = (output_tokens, timestamp, more) => claudeLine({ output_tokens }, { timestamp, ...more });
    home.session('p/s1', [line(1, '2026-11-01T05:30:00.000Z'), line(2, '2026-11-01T05:45:00.000Z'), line(4, '2026-11-01T06:30:00.000Z', { gitBranch: 'fix' })]);
    home.session('q/s2', [line(8, '2026-11-01T07:00:00.000Z', { sessionId: 's2' }), line(16, '2026-11-01T07:10:00.000Z', { sessionId: 's2', isSidechain: true })]);
    home.rollout('r', [codexLine('session_meta', { id: 'c1', cwd: '/w' }), codexLine('turn_context', { model: 'gpt-5' }), codexReport({ output_tokens: 32 }, { output_tokens: 32 }, '2026-11-01T07:00:00.000Z')]);
    const rows = async (verb, list, key, zone = 'UTC') => Object.fromEntries((await home.report(verb, '-z', zone))[list].map((r) => [`${r.project ?? ''}${r.project ? '/' : ''}${r[key]}`, r.output_tokens]));
    // the night in which New York's clocks go back has one o'clock twice
    assert.deepEqual(await rows('hourly', 'hourly', 'hour', 'America/New_York'), { '2026-11-01T01:00-04:00': 3, '2026-11-01T01:00-05:00': 4, '2026-11-01T02:00-05:00': 56 });
    assert.deepEqual(await rows('hourly', 'hourly', 'hour', 'Asia/Kathmandu'), { '2026-11-01T11:00+05:45': 3, '2026-11-01T12:00+05:45': 60 });
    assert.deepEqual(await rows('branches', 'branches', 'branch'), { 'p/main': 3, 'p/fix': 4, 'q/main': 24, '-w/null': 32 });
    assert.deepEqual(await rows('agents', 'agents', 'agent'), { claude: 31, codex: 32 });
    assert.deepEqual(await rows('chains', 'chains', 'chain'), { main: 47, subagents: 16 });
});

test('T1, U6: what lies below a root counts too, whatever CLI wrote it; a copy of it nothing more', async (t) => {
    const home = new UsageHome(t);
    await writeTranscripts(home.dir, { seed: 12, megabytes: 1 });
    const { CLAUDE_CONFIG_DIR, CODEX_HOME } = home.environment, roots = home.file('roots');
    mkdirSync(path.join(roots, 'ann'), { recursive: true });
    for (const [from, to] of [['claude/projects', 'ann'], ['codex/sessions', 'bob']]) cpSync(home.file(from), path.join(roots, to), { recursive: true });
    writeFileSync(path.join(roots, 'ann', 'foreign.jsonl'), '{"usage":{"input_tokens":5},"tokens":{"input":7}}\n');
    const config = `sessions { roots = { "${roots}" } }\n`;
    const tokens = async (env) => (await (await startNode(t, { config, env })).get('/api/v1/usage')).json.totals.total_tokens;
    const { total_tokens: all } = (await home.report('daily')).totals;
    assert.ok(all > 0);
    assert.equal(await tokens({ CLAUDE_CONFIG_DIR: home.file('none'), CODEX_HOME: home.file('none') }), all, 'below the root alone');
    assert.equal(await tokens({ CLAUDE_CONFIG_DIR, CODEX_HOME }), all, 'in the homes, and the same below the root');
});

test('T1, T5, U6: the command line counts below the roots of the configuration what the node counts; the status line does not', async (t) => {
    const home = new UsageHome(t);
    home.session('mine', [claudeLine({ output_tokens: 1 })]);
    home.session('gone', [claudeLine({ output_tokens: 2 }, { sessionId: 's2' })]);
    const tokens = async (...more) => (await home.report('daily', ...more)).totals.total_tokens;
    assert.equal(await tokens(), 3);
    rmSync(home.file('claude/projects/gone.jsonl'));
    home.write('roots/ann/a.jsonl', [claudeLine({ output_tokens: 4 }, { sessionId: 's3' })]);
    home.write('roots/bob/b.jsonl', [codexLine('session_meta', { id: 'c1', cwd: '/w' }), codexLine('turn_context', { model: 'gpt-5' }), codexReport({ output_tokens: 8 }, { output_tokens: 8 })]);
    home.write('data/cy/c.jsonl', [claudeLine({ output_tokens: 16 }, { sessionId: 's4' })]);
    assert.equal(await tokens(), 3, 'no root is known of');
    const config = home.file('muster.conf');
    writeFileSync(config, `sessions {\n roots = { "${home.file('roots')}", "${home.file('none')}" }\n data_root = "${home.file('data')}"\n}\n`);
    assert.equal(await tokens('--config', config), 31, 'the deleted one too');
    assert.equal(await tokens('--config', config, '--source', 'codex'), 8);
    const { CLAUDE_CONFIG_DIR, CODEX_HOME } = home.environment;
    const node = await startNode(t, { config: readFileSync(config, 'utf8'), env: { CLAUDE_CONFIG_DIR, CODEX_HOME } });
    assert.equal((await node.get('/api/v1/usage')).json.totals.total_tokens, 29, 'the node has never seen the deleted one');
    appendFileSync(home.file('roots/ann/a.jsonl'), text(claudeLine({ output_tokens: 32 }, { sessionId: 's3' })));
    assert.equal(await tokens('--config', config), 63);
    await node.waitFor(async () => (await node.get('/api/v1/usage')).json.totals.total_tokens === 61, 'the node to have looked again');
    const today = claudeLine({ output_tokens: 1000 }, { timestamp: new Date().toISOString() });
    for (const name of ['roots/ann/now.jsonl', 'claude/projects/now.jsonl']) home.write(name, [{ ...today, requestId: name }]);
    const input = JSON.stringify({ session_id: 's1', model: { display_name: 'Opus' } });
    assert.match(execFileSync(binary, ['usage', 'statusline', '--config', config], { env: home.environment, input }).toString(), /\$0\.03 today/, '1,000 tokens at $25 a million, of one\'s own session alone');
});

test('T9: a run of the processor usage tells what it found, once; an unknown one is told the known ones', async (t) => {
    const home = new UsageHome(t);
    home.session('a', [claudeLine({ output_tokens: 3 }), claudeLine({ output_tokens: 4 })]);
    home.session('b', [claudeLine({ output_tokens: 5 })]);
    const { CLAUDE_CONFIG_DIR, CODEX_HOME } = home.environment;
    const node = await startNode(t, { env: { CLAUDE_CONFIG_DIR, CODEX_HOME } });
    const processor = async (name) => node.post(`/api/admin/run-session-processor?processor=${name}`, {});
    const details = { processor: 'usage', capped: 0, errors: 0, errors_detail: [] };
    assert.deepEqual((await processor('usage')).json, { ok: true, details: { ...details, scanned: 2, processed: 2, skipped: 0, items_extracted: 3 } });
    assert.deepEqual((await processor('usage')).json, { ok: true, details: { ...details, scanned: 2, processed: 0, skipped: 2, items_extracted: 0 } });
    const unknown = await processor('summary');
    assert.equal(unknown.status, 400);
    assert.match(unknown.json.detail, /usage, verification/);
    assert.equal((await processor('verification')).json.details.processed, 2);
});
