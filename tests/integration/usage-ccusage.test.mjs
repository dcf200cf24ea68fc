// spec 60 U5: --compat=ccusage against the real ccusage 20.0.24, on generated transcripts.  MUSTER_TEST_TRANSCRIPTS_MB makes
// them larger: 10 by default, of each agent, and as many times fewer as a sanitizer makes the program slower.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeTranscripts, random } from '../lib/transcripts.mjs';
import { UsageHome, claudeLine, noCcusage, codexLine, codexReport } from '../lib/usage.mjs';
import { slowness } from '../lib/wait.mjs';

const megabytes = Number(process.env.MUSTER_TEST_TRANSCRIPTS_MB ?? Math.ceil(10 / slowness));
const volatile = new Set(['burnRate', 'projection', 'isActive']); // of a block that goes on: the clock decides
const names = ['date', 'week', 'month', 'projectPath', 'sessionId', 'period', 'agent', 'id', 'modelName'];
const nameOf = (x) => (typeof x === 'object' ? names.map((k) => x[k] ?? '').join('|') : String(x));

// Rows are found by what names them, and are in the same order; money may differ by 1e-6, nothing else by anything.
function differences(ours, theirs, at = '') {
    if (Array.isArray(theirs) && Array.isArray(ours)) {
        const order = [ours, theirs].map((rows) => rows.map(nameOf).join(', '));
        if (order[0] !== order[1]) return [`${at}: ours ${order[0]}, theirs ${order[1]}`];
        return differences(Object.fromEntries(ours.map((x) => [nameOf(x), x])), Object.fromEntries(theirs.map((x) => [nameOf(x), x])), at);
    }
    if (theirs !== null && ours !== null && typeof theirs === 'object' && typeof ours === 'object') {
        return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter((k) => !volatile.has(k))
            .flatMap((k) => (k in ours && k in theirs ? differences(ours[k], theirs[k], `${at}/${k}`) : [`${at}/${k}: only ${k in ours ? 'ours' : 'theirs'}`]));
    }
    const same = typeof theirs === 'number' && typeof ours === 'number' && /cost/i.test(at) ? Math.abs(ours - theirs) <= 1e-6 : Object.is(ours, theirs) || ours === theirs;
    return same ? [] : [`${at}: ours ${ours}, theirs ${theirs}`];
}

async function compare(home, source, report, ...options) {
    const [ours, theirs] = await Promise.all([home.report(report, '--source', source, '--compat=ccusage', ...options),
        home.ccusage(...(source === 'all' ? [] : [source]), report, ...options)]);
    assert.deepEqual(differences(ours, theirs).slice(0, 5), [], `${source} ${report} ${options.join(' ')}`);
    return ours;
}

const reports = { claude: ['daily', 'weekly', 'monthly', 'session', 'blocks'], codex: ['daily', 'monthly', 'session'], all: ['daily', 'weekly', 'monthly', 'session'] };

for (const [seed, zone] of [[1, 'UTC'], [2, 'America/New_York'], [3, 'Asia/Kolkata']]) {
    test(`--compat=ccusage prints the numbers of ccusage: seed ${seed}, ${zone}`, { skip: noCcusage }, async (t) => {
        const home = new UsageHome(t);
        await writeTranscripts(home.dir, { seed, megabytes: seed === 1 ? megabytes : Math.min(megabytes, 4) });
        for (const [source, list] of Object.entries(reports)) {
            for (const report of list) {
                const rows = Object.values(await compare(home, source, report, '-z', zone))[0];
                assert.ok(rows.length > 0, `${source} ${report}: there is something to compare`);
            }
        }
    });
}

test('--compat=ccusage takes the lines that ccusage takes, and no others', { skip: noCcusage }, async (t) => {
    const home = new UsageHome(t);
    const line = (more) => JSON.stringify(claudeLine({ input_tokens: 1, output_tokens: 10 }, more));
    const odd = [
        line(), line().replace('"usage":{', '"usage": {'), line({ stop: null, x: { id: null } }), line({ costUSD: 2.5 }), line({ costUSD: null }), line({ version: 'x' }),
        line({ version: '1.0.9' }), line({ sessionId: '' }), line({ timestamp: '2026-11-01T10:00:00Z' }), line({ timestamp: '2026-11-01T12:00:00.5Z' }),
        line({ timestamp: '2026-11-01T10:00:00+02:00' }), line({ timestamp: 'yesterday' }), line({ model: '<synthetic>' }), line({ model: 'claude-nope-1' }),
        line().replace('"done"', '"\\ud800"'), line() + line(), line().slice(0, 90), line().slice(0, 300) + line(), line() + ' ', `\ufeff${line()}`,
        line().replace('"input_tokens":1', '"input_tokens":1.0'), line().replace('"input_tokens":1', '"input_tokens":-1'), line({ requestId: null }),
        JSON.stringify({ ...claudeLine({ input_tokens: 3, output_tokens: 4, speed: 'fast' }, { model: 'claude-opus-4-6' }) }),
        JSON.stringify(claudeLine({ input_tokens: 3, output_tokens: 4, speed: 'warp' })),
        JSON.stringify(claudeLine({ input_tokens: 3, output_tokens: 300000, cache_read_input_tokens: 250000 }, { model: 'claude-sonnet-4-5-20250929' })),
        JSON.stringify(claudeLine({ input_tokens: 3, cache_creation_input_tokens: 900, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 } })),
        JSON.stringify(claudeLine({ input_tokens: 300000, output_tokens: 4 }, { model: 'gpt-5.4' })),
    ];
    home.session('-home-u-app/s1', odd);
    home.session('-home-u-app/s1/subagents/agent-a', [line()]);
    home.session('-home-u-app/s1/subagents/workflows/wf_1/agent-b', [line()]);
    home.session('loose', [line()]);
    for (const report of reports.claude) await compare(home, 'claude', report, '-z', 'UTC');
    await compare(home, 'claude', 'daily', '-z', 'UTC', '--since', '20261101', '--until', '20261101');
});

test('--compat=ccusage knows the prices of ccusage, by any spelling of a name', { skip: noCcusage }, async (t) => {
    const home = new UsageHome(t);
    const models = ['claude-opus-4-5', 'claude-opus-4-5@20251101', 'anthropic/claude-opus-4.5', 'us.anthropic.claude-opus-4-5-20251101-v1:0', 'claude-opus-4-6[1m]', 'x-claude-opus-4-5',
        'claude-opus-4-5-2', 'claude-opus-4-5-20991231', 'claude-opus-5-5', 'claude-opus-4-9', 'opus', 'sonnet', 'haiku', 'claude-sonnet-4-0', 'gpt-5-codex-high', 'gpt-5.3-codex-spark',
        'gpt-5.9', 'gpt-6-sol', 'mock-model', 'gemini-2.5-pro', 'claude-3-opus-20240229', 'claude-fable-5-1'];
    home.session('p/s1', models.flatMap((model) => [claudeLine({ input_tokens: 1000, output_tokens: 100 }, { model }),
        claudeLine({ input_tokens: 10, cache_read_input_tokens: 400000, cache_creation_input_tokens: 1000, output_tokens: 1 }, { model })]));
    await compare(home, 'claude', 'daily', '-z', 'UTC');
});

// What the fuzzer that compares the two found: fields of another type, nulls, odd times, keys told twice.
const plain = JSON.stringify(claudeLine({ input_tokens: 1, output_tokens: 10 }, { id: 'ID', requestId: 'RQ', parentUuid: 'u' }));
const put = (value) => (l) => l.replace('"cwd":', `${value},"cwd":`);
const use = (value) => (l) => l.replace('"output_tokens":10', `"output_tokens":10,${value}`);
const say = (from, to) => (l) => l.replace(from, to);
const advisor = '{"type":"advisor_message","model":"claude-sonnet-4-5","input_tokens":5,"output_tokens":7}';
const at = (time) => say('2026-11-01T10:00:00.000Z', time);
const oddities = [
    say('"parentUuid":"u"', '"parentUuid":"\\ud800"'), (l) => put('"x":null')(say('"parentUuid":"u"', '"parentUuid":"\\ud800"')(l)), say('"/home/u/app"', '5'),
    put('"isApiErrorMessage":"x"'), put('"isApiErrorMessage":true'), put('"z":{"id": null}'), put('"z":{"\\u0069d":null}'), put('"z":"say \\"id\\":null"'), put('"z":1e999'),
    (l) => put('"z":1e999')(put('"y":null')(l)), put('"cwd":"/a"'), (l) => put('"y":null')(put('"uuid":"a"')(l)), put(`"z":${'['.repeat(127)}${']'.repeat(127)},"y":null`),
    ...['null', '[]', '[5]', '[5,6]', '[5,6,7]', '{}', '5', '{"ephemeral_5m_input_tokens":5}', '{"ephemeral_5m_input_tokens":"5"}'].map((v) => use(`"cache_creation_input_tokens":77,"cache_creation":${v}`)),
    ...['18446744073709551616', '-0', '1e1', '"5"'].map((v) => say('"output_tokens":10', `"output_tokens":${v}`)),
    ...['"fast"', '"FAST"', '"\\u0066ast"', '1'].map((v) => use(`"speed":${v}`)), ...['-1', '1e2', '1e999', '"1"', '0'].map((v) => put(`"costUSD":${v}`)),
    ...['1969-12-31T23:59:59.999Z', '0000-01-01T00:00:00Z', '2026-11-01T10:00:00+24:00', '2026-11-01T10:00:00-23:59', '2026\\u002d11-01T10:00:00Z', '2026-11-01T10:00:60Z', '2026-11-01t10:00:00Z'].map(at),
    ...['null', '{}', `[${advisor}]`, `[{"type":"message"},${advisor}]`, `[{"type":"message","model":null,"input_tokens":1,"output_tokens":1},${advisor}]`,
        `[${advisor.replace('7', '7,"speed":"fast"')}]`, `[${advisor.replace('claude-sonnet-4-5', '<synthetic>')}]`, `[${advisor.replace('7', '7,"cache_creation":{"ephemeral_1h_input_tokens":4}')}]`]
        .map((v) => use(`"iterations":${v}`)),
    ...['fast-x', 'gpt', '20250514', 'x\\"y', 'claude-3', 'anthropic', 'gpt-5.3-spark'].map((m) => say(/claude-opus-4-5-\d+/, m)),
];

test('--compat=ccusage drops a line for what ccusage drops it for, in each of its reports', { skip: noCcusage }, async (t) => {
    const home = new UsageHome(t);
    const lines = oddities.map((change, i) => change(plain.replace('"ID"', `"m${i}"`).replace('"RQ"', `"r${i}"`)));
    home.session('p/s', lines);
    const limit = plain.replace('done', 'Claude AI usage limit reached|1793530800').replace('"cwd":', '"isApiErrorMessage":true,"cwd":');
    home.session('p/a/b/c', [limit, at('2026-11-01T10:10:00.000Z')(plain), at('2026-11-01T15:20:00.001Z')(plain).replace('"ID"', '"n"')]);
    home.session('p/', [plain.replace('"ID"', '"no name"')]); // "p/.jsonl" is no transcript to it
    for (const report of reports.claude) await compare(home, 'claude', report, '-z', 'Pacific/Apia');
    for (const report of ['session', 'blocks']) await compare(home, 'claude', report, '-z', 'America/St_Johns', '--since', '20261101', '--until', '20261101');
});

test('--compat=ccusage takes answers for the same where ccusage does', { skip: noCcusage }, async (t) => {
    const home = new UsageHome(t);
    const told = (id, requestId, more) => claudeLine({ input_tokens: 1, output_tokens: more.output ?? 1 }, { id, requestId, isSidechain: more.side ?? false, sessionId: more.session ?? 'A', timestamp: `2026-11-01T1${more.hour ?? 0}:00:00.000Z` });
    const progress = (line, sessionId) => ({ type: 'progress', ...(sessionId ? { sessionId } : {}), data: { message: { timestamp: line.timestamp, message: line.message, requestId: line.requestId, isSidechain: line.isSidechain } } });
    home.session('p/A', [told('m1', '', {}), told('m1', '', { hour: 1, output: 5 }), told('m2', 'a', { side: true }), told('m2', 'b', {}), told('m2', 'a', { session: 'B' }),
        told('m3', '', {}), told('m3', '', { session: 'B', output: 3 }), progress(told('m4', 'x', { side: true, hour: 2 }), 'B'), told('m4', 'y', { session: 'B', output: 9 })]);
    home.session('q/B', [progress(told('m5', 'x', { side: true, hour: 2 }), 'C'), told('m5', 'y', { session: 'B', output: 9 }), told('m6', 'y', { side: true, hour: 3 }), told('m6', 'z', {})]);
    for (const report of reports.claude) await compare(home, 'claude', report, '-z', 'UTC');
});

test('--compat=ccusage counts rollouts, and what codex exec prints, as ccusage does', { skip: noCcusage }, async (t) => {
    const home = new UsageHome(t);
    const event = (info, second = 0, more = {}) => ({ timestamp: `2026-11-01T10:00:${String(second).padStart(2, '0')}.000Z`, type: 'event_msg', payload: { type: 'token_count', info, ...more } });
    const used = (input_tokens, more = {}) => ({ input_tokens, cached_input_tokens: 0, output_tokens: 7, reasoning_output_tokens: 0, total_tokens: input_tokens + 7, ...more });
    const context = (payload) => ({ timestamp: '2026-11-01T10:00:00.000Z', type: 'turn_context', payload });
    const tier = (service_tier) => ({ timestamp: '2026-11-01T10:00:00.000Z', type: 'event_msg', payload: { type: 'thread_settings_applied', thread_settings: { service_tier } } });
    const meta = (id, more = {}) => ({ timestamp: '2026-11-01T10:00:00.000Z', type: 'session_meta', payload: { id, ...more } });
    home.rollout('2026/11/01/a', [context({ model_name: ' gpt-5.4 ' }), event({ last_token_usage: used(10) }), event({ last_token_usage: used(20), metadata: { model: 'gpt-5.5' } }, 2), event({ last_token_usage: used(21) }, 3),
        tier('fast'), event({ last_token_usage: used(30) }, 4), { usage: used(40), model: 'gpt-5.5', created_at: 1793527200 }, tier('flex'), event({ last_token_usage: used(31) }, 5),
        event({ last_token_usage: used('11', { cached_input_tokens: 50 }) }, 6), event({ last_token_usage: used(12.5, { prompt_tokens: 9 }) }, 7), event({ last_token_usage: used(13, { reasoning_output_tokens: null, reasoning_tokens: 4 }) }, 8),
        event({ last_token_usage: used([1]) }, 9), event({ total_token_usage: used(500, { cached_input_tokens: 400 }) }, 10), event({ total_token_usage: used(600, { cached_input_tokens: 700 }) }, 11),
        event({ last_token_usage: used(0, { output_tokens: 0, cached_input_tokens: 5, total_tokens: 0 }) }, 12), event(5, 13), event({ last_token_usage: used(14) }, 14, { model: 'codex-auto-review' }), context({ model: 5 }),
        { type: 'response.completed', response: { usage: used(15), model: 'gpt-5', timestamp: '2026-11-01T11:00:00Z' } }, { result: { usage: used(16), createdAt: 1793527200000 } }, meta('late', { forked_from_id: 'a' }), event({ last_token_usage: used(17) }, 15)]);
    home.rollout('fork', [meta('f', { forked_from_id: 'gone' }), event({ total_token_usage: used(3), last_token_usage: used(3) }), event({ total_token_usage: used(3) }, 1), event({ last_token_usage: used(4) }, 30)]);
    home.write('codex/archived_sessions/fork.jsonl', [event({ last_token_usage: used(99) })]);
    home.write('codex/config.toml', ['service_tier_x = "fast"', '[profiles.x]', "service_tier = 'priority' # all"]);
    for (const report of reports.codex) await compare(home, 'codex', report, '-z', 'Asia/Kathmandu');
    for (const day of ['20261031', '20261101', '20261102']) await compare(home, 'all', 'session', '-z', 'UTC', '--until', day);
});

test('--compat=ccusage bills an answer that is told by several service tiers as ccusage does, in one rollout and in several, and tells times as they were told', { skip: noCcusage }, async (t) => {
    const home = new UsageHome(t);
    const tiers = { s: 'standard', f: 'fast', x: 'flex' }, names = ['', ...Object.keys(tiers)];
    let day = 0; // no answer is told on another's day
    const told = (tier, number, at) => [
        ...(tier ? [codexLine('event_msg', { type: 'thread_settings_applied', thread_settings: { service_tier: tiers[tier] } }, at)] : []), codexReport({ input_tokens: 1000 }, { input_tokens: 1000 * (number + 1) }, at)];
    for (const one of names) for (const two of names) for (const three of names) {
        const noon = new Date(Date.UTC(2026, 1, 1 + day++, 12)).toISOString(), at = [noon, noon.replace('.000', ''), noon.replace('Z', '+05:00')][day % 3], context = codexLine('turn_context', { cwd: '/x', model: 'gpt-5.3-codex' }, at);
        const all = [one, two, three];
        if (day % 2) home.rollout(`${day}`, [context, ...all.flatMap((tier, i) => told(tier, i, at))]);
        else for (const [i, tier] of all.entries()) home.rollout(`${day}-${i}`, [context, ...told(tier, 0, at)]);
        if (one + two + three === 'sff') home.rollout('further', [context, ...told('s', 0, at)]);
    }
    for (const report of reports.codex) await compare(home, 'codex', report);
    assert.equal((await home.ccusage('codex', 'daily')).daily.length, 64);
});

test('--compat=ccusage takes a rollout for a fork, a field told twice, a time before 1970 and sessions of one cost as ccusage does', { skip: noCcusage }, async (t) => {
    const home = new UsageHome(t);
    const time = (second) => `2026-03-08T22:50:${String(second).padStart(2, '0')}.000Z`;
    const meta = codexLine('session_meta', { id: 'f', forked_from_id: 'gone' }, time(10)), context = codexLine('turn_context', { cwd: '/x', model: 'gpt-5' }, time(9));
    const burst = (n) => [codexReport({ input_tokens: n }, { input_tokens: n }, time(20)), codexReport({ input_tokens: 10 }, { input_tokens: n + 10 }, time(20)), codexReport({ input_tokens: 1 }, { input_tokens: n + 11 }, time(30))];
    for (const [i, first] of [[], [context], [''], ['no JSON'], ['[1]'], [codexLine('session_meta', { id: 'f' }, time(9))], [codexLine('event_msg', { type: 'user_message' }, time(9))]].entries())
        home.rollout(`fork${i}`, [...first, meta, ...burst(1000 * (i + 1))]);
    const twice = (text) => `{"timestamp":"2026-03-09T10:00:00Z",${text}}`;
    home.rollout('twice', ['"usage":{"input_tokens":10,"input_tokens":4}', '"usage":{"input_tokens":11},"usage":{"input_tokens":5}', '"usage":{"input_tokens":6},"model":"gpt-5","model":"gpt-5.4"',
        '"data":{"usage":{"input_tokens":12}},"data":{"usage":{"input_tokens":7}}', '"data":{"usage":{"input_tokens":13},"usage":5}', '"type":"event_msg","payload":{"type":"token_count","info":{"last_token_usage":{"input_tokens":14,"input_tokens":8}}}'].map(twice));
    home.rollout('early', [codexReport({ input_tokens: 3 }, { input_tokens: 3 }, '1969-12-31T23:59:59.999Z')]);
    for (const [i, name] of ['m', '9', 'a', 'z'].entries()) {
        home.session(`${name}/${name}${i}`, [claudeLine({ output_tokens: 5 }, { model: 'of-no-price', sessionId: `${name}${i}` })]);
        home.rollout(`2026/11/01/${name}`, [codexLine('turn_context', { model: 'of-no-price' }), codexReport({ input_tokens: 20 + i }, { input_tokens: 20 + i }, time(40 + i))]);
    }
    home.session('q/zero', [claudeLine({}, { model: 'of-no-price', sessionId: 'zero', timestamp: '2026-11-03T10:00:00.000Z' }), claudeLine({ output_tokens: 1 }, { sessionId: 'zero', timestamp: '2026-11-04T10:00:00.000Z' })]);
    home.rollout('2026/11/04/reasoning', [codexLine('turn_context', { model: 'of-no-price' }), codexReport({ reasoning_output_tokens: 5 }, undefined, '2026-11-04T10:00:00.000Z')]);
    for (const report of reports.codex) await compare(home, 'codex', report, '-z', 'Africa/Casablanca');
    for (const report of reports.all) await compare(home, 'all', report, '-z', 'UTC');
});

test('--compat=ccusage leaves out of forks what ccusage leaves out: bursts, parents, what comes between', { skip: noCcusage }, async (t) => {
    const home = new UsageHome(t), { below: pick, pick: any } = random(31);
    for (let day = 0; day < 120; day++) {
        let now = Date.UTC(2026, 0, 1 + day, 9), total = 0;
        const step = (seconds) => new Date((now += 1000 * seconds)).toISOString(), gap = () => step(any([0, 0.001, 0.4, 0.9, 1, 1.001, 2, -1, 30]));
        const kinds = [() => { const n = 1 + pick(99); return codexReport({ input_tokens: n }, { input_tokens: (total += n) }, gap()); }, () => codexReport({ input_tokens: 1 + pick(99) }, undefined, gap()),
            () => codexReport({}, undefined, gap()), () => codexReport({ input_tokens: 7 }, { input_tokens: total }, gap()), () => codexReport(undefined, { input_tokens: total }, gap()),
            () => ({ timestamp: gap(), usage: { input_tokens: 1 + pick(99) }, model: 'gpt-5' })];
        const history = Array.from({ length: 1 + pick(4) }, () => any(kinds)());
        const parent = any(['none', 'by name', 'in its first line', 'further down']), id = `parent-${day}`, meta = codexLine('session_meta', { id }, step(0));
        if (parent !== 'none') home.rollout(parent === 'by name' ? id : `p${day}`, [...(parent === 'in its first line' ? [meta] : []), ...history, ...(parent === 'further down' ? [meta] : [])]);
        const replayed = any([[], history.map((line) => ({ ...line, timestamp: step(any([0, 0.1])) }))]);
        home.rollout(`f${day}`, [codexLine('session_meta', { id: `fork-${day}`, forked_from_id: id }, step(5)), ...replayed, ...Array.from({ length: 1 + pick(6) }, () => any(kinds)())]);
    }
    for (const report of reports.codex) await compare(home, 'codex', report, '-z', 'UTC');
});
