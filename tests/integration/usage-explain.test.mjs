// spec 60 U5: `muster usage explain` is an account, from what the real ccusage prints to what muster counts.  Tokens and USD of each
// cause are arithmetic on the lines beside it; claude-opus-4-5 costs 5 USD per million tokens of input, 25 of output, 6.25 of a write.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { writeTranscripts } from '../lib/transcripts.mjs';
import { UsageHome, claudeLine, codexLine, codexReport, noCcusage } from '../lib/usage.mjs';
import { slowness } from '../lib/wait.mjs';

const near = (a, b, why) => assert.ok(Math.abs(a - b) <= 1e-6, `${why}: ${a} instead of ${b}`);
const sum = (rows, key) => rows.reduce((n, row) => n + row[key], 0);

async function printed(home, agent, report, options) {
    const { totals, [report]: rows, sessions } = await home.ccusage(agent, report, '-z', 'UTC', ...options);
    return (rows ?? sessions).length ? { tokens: totals.totalTokens, usd: totals.totalCost ?? totals.costUSD } : { tokens: 0, usd: 0 };
}

// Whatever was written: both figures are those that the tools print, and the causes add up to what lies between them.
async function holds(home, a, range, ours) {
    const what = `${a.agent} ${a.report}`;
    const [{ totals }, theirs] = await Promise.all([home.report('daily', '--source', a.agent, '-z', 'UTC', ...range, ...ours), noCcusage ? null : printed(home, a.agent, a.report, range)]);
    assert.equal(a.muster.total_tokens, totals.total_tokens, what);
    near(a.muster.priced_cost_usd, totals.priced_cost_usd, what);
    assert.equal(sum(a.causes, 'total_tokens'), a.muster.total_tokens - a.ccusage.total_tokens, what);
    near(sum(a.causes, 'priced_cost_usd'), a.muster.priced_cost_usd - a.ccusage.priced_cost_usd, what);
    assert.ok(!a.causes.some((c) => c.cause === 'other'), `${what}: ${JSON.stringify(a.causes)}`);
    if (!theirs) return;
    assert.equal(a.ccusage.total_tokens, theirs.tokens, what);
    near(a.ccusage.priced_cost_usd, theirs.usd, what);
}
const every = ['claude daily', 'claude session', 'codex daily'];
async function checked(home, { range = [], ours = [], source = 'all' } = {}) {
    const { accounts } = await home.report('explain', '--source', source, '-z', 'UTC', ...range, ...ours);
    assert.deepEqual(accounts.map((a) => `${a.agent} ${a.report}`), every.filter((name) => source === 'all' || name.startsWith(source)));
    for (const a of accounts) await holds(home, a, range, ours);
    return accounts;
}

// `expected`: cause, tokens, USD; nothing else may be one.
function causesAre(account, ...expected) {
    const what = `${account.agent} ${account.report}`;
    assert.deepEqual(account.causes.map((c) => [c.cause, c.total_tokens]).sort(), expected.map(([cause, tokens]) => [cause, tokens]).sort(), what);
    for (const [cause, , usd] of expected) near(account.causes.find((c) => c.cause === cause).priced_cost_usd, usd, `${what} ${cause}`);
}

const line = (usage, more) => JSON.stringify(claudeLine(usage, more));
const out = (output_tokens, more) => line({ output_tokens }, more);
const input = (input_tokens, more, usage = {}) => line({ input_tokens, ...usage }, more);
const warp = { output_tokens: 13, speed: 'warp' };
const at = (second) => `2026-11-01T10:00:${String(second).padStart(2, '0')}.000Z`;
const progress = (l) => ({ type: 'progress', sessionId: 's1', data: { message: { timestamp: l.timestamp, message: l.message, requestId: l.requestId, isSidechain: true } } });

// What is dropped, or told otherwise: lines of Claude Code, and what the daily and the session report make of it.
const million = (usd) => usd / 1e6;
const told = (output_tokens, more) => out(output_tokens, { id: 'm', requestId: 'r', ...more });
const lines = {
    'a space behind "usage":': [[out(6).replace('"usage":{', '"usage": {')], [['space', 6, million(6 * 25)]]],
    'a null': [[out(5, { x: { id: null } })], [['null', 5, million(5 * 25)]]],
    'a torn line with a whole one glued to it': [[out(7).slice(0, 300) + out(9)], [['broken', 9, million(9 * 25)]]],
    'a speed that it does not know': [[line(warp)], [['field', 13, million(13 * 25)]]],
    'half a character': [[out(3, { cwd: '\ud800' })], [['broken', 3, million(3 * 25)]]],
    'a line on a subagent': [[progress(claudeLine({ output_tokens: 8 }))], [], [['progress', 8, million(8 * 25)]]],
    'blocks without a request id': [[out(3, { id: 'm', requestId: '', timestamp: at(1) }), out(11, { id: 'm', requestId: '', timestamp: at(2) })], [['no_request', -3, million(-3 * 25)]], []],
    'a line without a message id, twice': [[out(4, { id: undefined, requestId: '', uuid: 'u' }), out(4, { id: undefined, requestId: '', uuid: 'u' })].map((l) => l.replace(/"id":"msg_\d+",/, '')), [['no_message', -4, million(-4 * 25)]]],
    'a side chain that tells the answer later': [[told(20, {}), told(20, { requestId: 'q', isSidechain: true, timestamp: at(5) })], [], [['sidechain', -20, million(-20 * 25)]]],
    'a side chain that tells more of it': [[told(20, {}), told(30, { isSidechain: true })], [['telling', 10, million(10 * 25)]]],
    'cache writes that are more than their parts': [[line({ cache_creation_input_tokens: 900, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 } })], [['cache_parts', 900, million(900 * 6.25)]]],
    'a count beyond belief': [[input(2e15)], [['refused', -2e15, -2e15 * 5e-6]]],
    'a cost that is told': [[input(1000, { costUSD: 2.5 })], [['told_cost', 0, million(1000 * 5) - 2.5]]],
    'a call of another model that it does not take': [[line({ output_tokens: 1, iterations: [{ type: 'advisor_message', model: 'claude-opus-4-5', input_tokens: 5, output_tokens: 7, speed: 'warp' }] })], [['field', 12, million(5 * 5 + 7 * 25)]]],
    'a call of another model that both take': [[line({ output_tokens: 1, iterations: [{ type: 'message', input_tokens: 0, output_tokens: 1 }, { type: 'advisor_message', model: 'claude-opus-4-5', input_tokens: 5, output_tokens: 7 }] })], []],
    'a model without a price there': [[input(1000, { model: 'claude-opus-5-5' })], [['unknown_there', 0, million(1000 * 4)]]],
    'a model without a price here': [[input(1000, { model: 'x-claude-opus-4-5' })], [['unknown_here', 0, million(-1000 * 5)]]],
    'a model that neither knows': [[input(1000, { model: 'claude-nope-1' })], []],
    // a write is input where writes are not sold; there 1.25 times as much
    'another list price': [[line({ cache_creation_input_tokens: 1000 }, { model: 'gpt-5.4' })], [['list_price', 0, million(1000 * (2.5 - 3.125))]]],
    // the whole at 0.6 and 22.5; there 200 k at 0.3, 50 k at 0.6, and output at 15
    'a long context': [[line({ cache_read_input_tokens: 250000, output_tokens: 10000 }, { model: 'claude-sonnet-4-5-20250929' })], [['long_context', 0, million(250000 * 0.6 + 10000 * 22.5 - 200000 * 0.3 - 50000 * 0.6 - 10000 * 15)]]],
    'a batch': [[input(1000, {}, { service_tier: 'batch' })], [['batch', 0, million(-1000 * 2.5)]]],
    'inference in the United States': [[input(1000, {}, { inference_geo: 'us' })], [['us_only', 0, million(1000 * 0.5)]]],
    'web searches': [[input(1000, {}, { server_tool_use: { web_search_requests: 3 } })], [['web_search', 0, 0.03]]],
};

for (const [name, [written, daily, session = daily]] of Object.entries(lines)) {
    test(`U5: explain, Claude Code: ${name}`, async (t) => {
        const home = new UsageHome(t);
        home.session('p/s1', [...written, out(1, { id: 'plain', requestId: 'plain' })]);
        const [byDay, bySession] = await checked(home, { source: 'claude' });
        causesAre(byDay, ...daily);
        causesAre(bySession, ...session);
    });
}

test('U5: explain: a line that is not UTF-8 is dropped by both, but for the session report', async (t) => {
    const home = new UsageHome(t);
    home.session('p/s1', [out(1)]);
    const bytes = Buffer.from(out(6, { parentUuid: 'u' }) + '\n'); // a null would make it look at the whole
    bytes[bytes.indexOf('done')] = 0xff;
    writeFileSync(home.file('claude/projects/p/s2.jsonl'), bytes);
    const [byDay, bySession] = await checked(home, { source: 'claude' });
    causesAre(byDay);
    causesAre(bySession, ['refused', -6, million(-6 * 25)]);
});

const use = (input_tokens, output_tokens = 0) => ({ input_tokens, output_tokens });
const context = codexLine('turn_context', { model: 'gpt-5.4' }); // 2.5 USD per million of input, 15 of output
const report = (u, second, total) => codexReport(u, total, at(second));
const text = (l) => JSON.stringify(l);
const exec = { usage: { ...use(40, 7), total_tokens: 47 }, model: 'gpt-5.4', timestamp: at(9) };
const tier = codexLine('event_msg', { type: 'thread_settings_applied', thread_settings: { service_tier: 'priority' } });
const inflated = report(use(10, 7), 2);
inflated.payload.info.last_token_usage.total_tokens = 1000;
const asText = report(use(11, 7), 2);
asText.payload.info.last_token_usage.input_tokens = '11';
const rollouts = {
    'a torn line with a whole one glued to it': [[context, text(report(use(5), 1)).slice(0, 60) + text(report(use(100, 10), 2))], ['broken', 110, million(100 * 2.5 + 10 * 15)]],
    'saved output of codex exec': [[context, report(use(1), 1), exec], ['exec', -47, million(-40 * 2.5 - 7 * 15)]],
    'a total that is not the sum': [[context, inflated], ['total', 17 - 1000, 0]],
    // without the glued report before it, the next total has grown by 20 more
    'a total since a report that it drops': [[context, report(undefined, 1, use(5)), text(report(use(5), 3)).slice(0, 60) + text(report(undefined, 4, use(25))), report(undefined, 5, use(32))],
        ['broken', 20, million(20 * 2.5)], ['total', -20, million(-20 * 2.5)]],
    'a count told as text': [[context, report(use(1), 1), asText], ['refused', -18, million(-11 * 2.5 - 7 * 15)]],
    'no model': [[report(use(1000), 1)], ['model', 0, million(-1000 * 1.25)]], // gpt-5 there
    // 1 USD per million until 30 July 2026, 0.2 since
    'a price of its day': [[codexLine('turn_context', { model: 'gpt-5.6-luna' }), codexReport(use(1000), undefined, '2026-07-01T10:00:00.000Z')], ['dated_price', 0, million(1000 * 0.8)]],
    'a priority tier that it does not know of': [[codexLine('turn_context', { model: 'gpt-5' }), tier, report(use(1000), 1)], ['fast', 0, million(1000 * 1.25)]],
    // a report told twice within a second: for it a burst of two, so the parent's
    'a fork without its parent': [[codexLine('session_meta', { id: 'f', forked_from_id: 'gone' }, at(0)), context, report(use(30), 1, use(30)), report(undefined, 2, use(30)), report(use(4), 30)], ['fork', 30, million(30 * 2.5)]],
};

for (const [name, [written, ...causes]] of Object.entries(rollouts)) {
    test(`U5: explain, Codex: ${name}`, async (t) => {
        const home = new UsageHome(t);
        home.rollout('rollout-1', written);
        causesAre((await checked(home, { source: 'codex' }))[0], ...causes);
    });
}

test('U5: explain: files that are compressed, behind links, or gone', async (t) => {
    const home = new UsageHome(t);
    home.session('p/s1', [out(1)]);
    home.session('p/gone', [out(20)]);
    home.write('elsewhere.jsonl', [out(300)]);
    symlinkSync(home.file('elsewhere.jsonl'), home.file('claude/projects/p/linked.jsonl'));
    home.rollout('rollout-1', [context, report(use(1), 1)]);
    home.rollout('rollout-2', [context, report(use(20), 2)]);
    home.rollout('rollout-3', [context, report(use(300), 3)]);
    home.write('codex/archived_sessions/rollout-1.jsonl', [context, report(use(4000), 4)]); // it has one of that name
    execFileSync('zstd', ['-q', '--rm', home.file('codex/sessions/rollout-2.jsonl')]);
    await home.report('daily');
    rmSync(home.file('claude/projects/p/gone.jsonl'));
    renameSync(home.file('codex/sessions/rollout-3.jsonl'), home.file('rollout-3.jsonl'));
    const [byDay, bySession, codex] = await checked(home);
    for (const account of [byDay, bySession]) causesAre(account, ['gone', 20, million(20 * 25)], ['linked', 300, million(300 * 25)]);
    causesAre(codex, ['packed', 20, million(20 * 2.5)], ['gone', 300, million(300 * 2.5)], ['linked', 4000, million(4000 * 2.5)]);
});

test('U5: explain: prices of your own, and days', async (t) => {
    const home = new UsageHome(t);
    home.session('p/s1', [input(1000), input(2000, { timestamp: '2026-11-02T10:00:00.000Z' })]);
    home.write('prices.json', [{ prices: [{ model: 'claude-opus-4-5', percent: 80 }] }]);
    const [all] = await checked(home, { ours: ['--prices', home.file('prices.json')] });
    causesAre(all, ['own_price', 0, million(-3000)]);
    const [one] = await checked(home, { ours: ['--prices', home.file('prices.json')], range: ['--since', '20261102'] });
    causesAre(one, ['own_price', 0, million(-2000)]);
});

test('U5: explain: on generated transcripts the causes are the difference, and none is unknown', async (t) => {
    for (const seed of [1, 2]) {
        const home = new UsageHome(t);
        await writeTranscripts(home.dir, { seed, megabytes: Math.ceil(5 / slowness) });
        for (const account of await checked(home)) assert.ok(account.causes.length > 0, 'there is something to explain');
        if (seed === 1) await checked(home, { range: ['--since', '20260901', '--until', '20260915'] });
    }
});

test('U5: explain prints both figures, the causes between them, and no account that is not asked for', async (t) => {
    const home = new UsageHome(t);
    home.session('p/s1', [out(5, { x: { id: null } }), out(1)]);
    const { code, out: table } = await home.muster('explain', '--source', 'claude');
    assert.equal(code, 0);
    const rows = table.trim().split('\n').map((l) => l.trim().split(/ {2,}/));
    assert.deepEqual(rows.slice(0, 4), [['WHAT', 'ANSWERS', 'TOKENS', 'USD'], ['claude, ccusage daily', '1', '1', '0.000025'],
        ['a null somewhere in a line makes it drop the line', '1', '+5', '+0.000125'], ['claude, muster', '2', '6', '0.000150']]);
    assert.doesNotMatch(table, /codex/);
});
