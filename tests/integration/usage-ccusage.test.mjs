// spec 60 U5: --compat=ccusage against the real ccusage 20.0.24, on generated transcripts.  MUSTER_TEST_TRANSCRIPTS_MB makes
// them larger: 10 by default, of each agent, and as many times fewer as a sanitizer makes the program slower.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeTranscripts } from '../lib/transcripts.mjs';
import { UsageHome, claudeLine, noCcusage } from '../lib/usage.mjs';
import { slowness } from '../lib/wait.mjs';

const megabytes = Number(process.env.MUSTER_TEST_TRANSCRIPTS_MB ?? Math.ceil(10 / slowness));
const volatile = new Set(['burnRate', 'projection', 'isActive']); // of a block that goes on: the clock decides
const names = ['date', 'week', 'month', 'projectPath', 'sessionId', 'period', 'agent', 'id', 'modelName'];
const nameOf = (x) => (typeof x === 'object' ? names.map((k) => x[k] ?? '').join('|') : String(x));

// Rows are found by what names them; money may differ by 1e-6, nothing else by anything.
function differences(ours, theirs, at = '') {
    if (Array.isArray(theirs) && Array.isArray(ours)) {
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
