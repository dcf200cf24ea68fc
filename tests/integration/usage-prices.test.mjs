// spec 60 U4: prices of one's own go before the published ones, in every report and in what runs cost.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, waitJob } from '../lib/agents.mjs';
import { run, startNode, binary, environmentFor } from '../lib/node.mjs';
import { UsageHome, claudeLine, codexLine, codexReport } from '../lib/usage.mjs';

const rates = (input, output) => ({ input, output, cache_read: null, cache_write_5m: null, cache_write_1h: null });

// 1000 tokens of output each: published, Opus 4.5 costs 25, GPT-5.4 15 USD per million.
function threeAnswers(t) {
    const home = new UsageHome(t);
    const of = (model, day) => claudeLine({ output_tokens: 1000 }, { model, timestamp: `2026-11-0${day}T10:00:00.000Z` });
    home.session('p/s1', [of('claude-opus-4-5-20251101', 1), of('acme-large', 2), of('gpt-5.4', 3)]);
    return home;
}
function priceFile(home, ...prices) {
    const file = home.file('prices.json');
    writeFileSync(file, JSON.stringify({ prices }));
    return file;
}
const byDay = (report) => Object.fromEntries(report.daily.map((d) => [d.date.slice(-2), d.cost_usd]));

test('U4: a file gives a model its price, and takes a part of published ones', async (t) => {
    const home = threeAnswers(t);
    assert.deepEqual(byDay(await home.report('daily', '-z', 'UTC')), { '01': 0.025, '02': null, '03': 0.015 });
    const file = priceFile(home, { model: 'acme-large', ...rates(1, 7) }, { model: 'claude-*', percent: 80 });
    const r = await home.report('daily', '-z', 'UTC', '--prices', file);
    assert.deepEqual(byDay(r), { '01': 0.02, '02': 0.007, '03': 0.015 });
    assert.deepEqual(r.unpriced_models, []);
    assert.equal(r.totals.cost_usd, 0.042);
    for (const verb of ['weekly', 'monthly', 'session', 'blocks', 'models', 'projects'])
        assert.equal((await home.report(verb, '--prices', file)).totals.cost_usd, 0.042, verb);
});

test('U4: a price holds from its day on, and the published one until then', async (t) => {
    const home = threeAnswers(t);
    const file = priceFile(home, { model: 'acme-large', same_as: 'claude-opus-4-5' }, { model: 'gpt-5.4', from: '2026-11-03', ...rates(1, 2) },
        { model: 'claude-opus-4-5', from: '2026-11-02', ...rates(1, 2) });
    assert.deepEqual(byDay(await home.report('daily', '-z', 'UTC', '--prices', file)), { '01': 0.025, '02': 0.025, '03': 0.002 });
});

test('U4: tiers and long context of a file are billed as it says', async (t) => {
    const home = new UsageHome(t);
    const of = (usage, day) => claudeLine(usage, { model: 'acme', timestamp: `2026-11-0${day}T10:00:00.000Z` });
    home.session('p/s1', [of({ output_tokens: 1000, speed: 'fast' }, 1), of({ output_tokens: 1000, service_tier: 'batch' }, 2), of({ output_tokens: 1000, inference_geo: 'us' }, 3),
        of({ input_tokens: 200000, output_tokens: 1000 }, 4), of({ input_tokens: 200001, output_tokens: 1000 }, 5)]);
    const file = priceFile(home, { model: 'acme', ...rates(1, 10), fast_percent: 300, batch_percent: 40, us_only_percent: 120, long: { above_tokens: 200000, ...rates(2, 30) } });
    // 10,000 micro for the output: three times, 40 %, 120 %; 200,000 and 10,000; 2 × 200,001 and 30,000
    assert.deepEqual(byDay(await home.report('daily', '-z', 'UTC', '--prices', file)), { '01': 0.03, '02': 0.004, '03': 0.012, '04': 0.21, '05': 0.430002 });
});

test('U4: Codex\'s flex tier costs half, its priority tier its multiple', async (t) => {
    const home = new UsageHome(t);
    const tier = (service_tier) => codexLine('event_msg', { type: 'thread_settings_applied', thread_settings: { service_tier } });
    const used = (n, day) => codexReport({ output_tokens: 1000 }, { output_tokens: 1000 * n }, `2026-11-0${day}T10:00:00.000Z`);
    home.rollout('rollout-x', [codexLine('session_meta', { id: 'x' }), codexLine('turn_context', { model: 'gpt-5.5' }), used(1, 1), tier('flex'), used(2, 2), tier('priority'), used(3, 3),
        tier('default'), used(4, 4)]);
    // 30 USD per million; flex 15, priority 75
    assert.deepEqual(byDay(await home.report('daily', '-z', 'UTC')), { '01': 0.03, '02': 0.015, '03': 0.075, '04': 0.03 });
});

test('U4: the status line counts with them', async (t) => {
    const home = threeAnswers(t);
    const file = priceFile(home, { model: '*', ...rates(1, 7000) });
    const { stdout } = await run([binary, 'usage', 'statusline', '-z', 'UTC', '--prices', file], { env: home.environment, input: JSON.stringify({ session_id: 's1' }) });
    assert.match(stdout, /^\$21\.00 session/); // 3 × 1000 × 7000 per million
});

test('U4: what is wrong with the file is one line with place and remedy, and exit 2', async (t) => {
    const home = threeAnswers(t), file = priceFile(home, { model: 'acme', input: 1, output: 2 });
    for (const verb of ['daily', 'statusline', 'explain', 'prices']) {
        const { code, out, err } = await home.muster(verb, '--prices', file);
        assert.deepEqual([code, out], [2, ''], verb);
        assert.equal(err, `muster usage: ${file} /prices/0/cache_read: is missing: USD per million tokens are expected, or null where it is not sold and billed as input; see muster usage --help\n`);
    }
    const gone = await home.muster('--prices', home.file('nowhere.json'));
    assert.equal(gone.code, 2);
    assert.match(gone.err, /nowhere\.json: the price file cannot be read: No such file/);
    assert.equal((await home.muster('--compat=ccusage', '--prices', file)).code, 2);
});

test('U4: the environment names the file too, and no file at all where it is empty', async (t) => {
    const home = threeAnswers(t), file = priceFile(home, { model: 'acme-large', ...rates(1, 7) });
    const conf = home.file('muster.conf');
    writeFileSync(conf, `usage { prices = "${file}" }\n`);
    const told = async (MUSTER_USAGE_PRICES) => {
        const { stdout } = await run([binary, 'usage', 'daily', '-z', 'UTC', '--json', '--config', conf], { env: { ...home.environment, MUSTER_USAGE_PRICES } });
        return byDay(JSON.parse(stdout))['02'];
    };
    assert.equal(await told(undefined), 0.007);
    assert.equal(await told(''), null);
    const other = home.file('other.json');
    writeFileSync(other, JSON.stringify({ prices: [{ model: 'acme-large', ...rates(1, 8) }] }));
    assert.equal(await told(other), 0.008);
});

test('U4: muster usage prices prints a file that is taken, and says what a model is billed at', async (t) => {
    const home = threeAnswers(t), file = home.file('all.json');
    const { out } = await home.muster('prices', '--json');
    writeFileSync(file, out);
    assert.ok(JSON.parse(out).prices.length > 200);
    assert.deepEqual(byDay(await home.report('daily', '-z', 'UTC', '--prices', file)), { '01': 0.025, '02': null, '03': 0.015 });
    const billed = JSON.parse((await home.muster('prices', 'eu.anthropic.claude-opus-4-5-20251101-v1:0', '--json')).out);
    assert.deepEqual(billed.prices, [{ model: 'eu.anthropic.claude-opus-4-5-20251101-v1:0', input: 5.5, output: 27.5, cache_read: 0.55, cache_write_5m: 6.875, cache_write_1h: 11 }]);
    const unknown = await home.muster('prices', 'acme-large');
    assert.deepEqual([unknown.code, unknown.out], [1, '']);
    assert.match(unknown.err, /acme-large has no price/);
});

test('U4: the file that the configuration names counts for the node and the command line; SIGHUP reads it anew', async (t) => {
    const home = threeAnswers(t), file = priceFile(home, { model: 'acme-large', ...rates(1, 7) });
    const { CLAUDE_CONFIG_DIR, CODEX_HOME } = home.environment;
    const node = await startNode(t, { config: `usage { prices = "${file}" }`, env: { CLAUDE_CONFIG_DIR, CODEX_HOME } });
    const days = async () => byDay((await node.get('/api/v1/usage?group=day')).json);
    const told = async (...args) => byDay(await home.report('daily', '-z', 'UTC', '--config', node.configPath, ...args));
    assert.deepEqual(await days(), { '01': 0.025, '02': 0.007, '03': 0.015 });
    assert.deepEqual(await told(), await days());
    assert.equal((await told('--prices', priceFile(home)))['02'], null, 'another file by option');
    priceFile(home, { model: 'acme-large', ...rates(1, 9) });
    assert.equal((await days())['02'], 0.007, 'not before it is asked to');
    node.kill('SIGHUP');
    await node.waitFor(async () => (await days())['02'] === 0.009, 'the new price');
    writeFileSync(file, '{"prices": 7}');
    node.kill('SIGHUP');
    await node.waitLog(/the configuration is not reloaded.*\/prices: an array of prices is expected/);
    assert.equal((await days())['02'], 0.009, 'the running prices are kept');
});

test('U4: a configuration whose file of prices is wrong is wrong', async (t) => {
    const home = new UsageHome(t), file = home.file('prices.json'), conf = home.file('muster.conf');
    writeFileSync(file, '{"prices": [{"model": "acme"}]}');
    writeFileSync(conf, `usage { prices = "${file}" }\n`);
    const { code, stderr } = await run([binary, 'config', 'check', '--config', conf], { env: environmentFor(home.dir) });
    assert.equal(code, 2);
    assert.match(stderr, /muster\.conf:1.*prices\.json \/prices\/0\/input: is missing/);
});

test('U4: what a run costs is counted with them, where the agent does not say', async (t) => {
    const home = new UsageHome(t), file = priceFile(home, { model: 'acme-large', ...rates(10, 20) });
    mkdirSync(home.file('work'), { recursive: true });
    const usage = { input_tokens: 100, cached_input_tokens: 0, output_tokens: 50 };
    const script = ['thread.started', 'turn.completed'].map((type) => JSON.stringify({ type, ...(type === 'turn.completed' ? { usage } : { thread_id: 'x' }) })).join('\n');
    const output = path.join(home.dir, 'codex.jsonl');
    writeFileSync(output, `${script}\n`);
    const config = `usage { prices = "${file}" }\nagent "codex" {\n  command = {"/bin/cat", "${output}"}\n  output = "codex-jsonl"\n  model = "acme-large"\n  workdir = "${home.file('work')}"\n}\n`;
    const node = await startNode(t, { config });
    const { id } = await addJob(node, { agent: 'codex' });
    const done = await waitJob(node, id, 'done');
    assert.equal(done.runs[0].cost_usd, 0.002); // 100 × 10 + 50 × 20 micro
});
