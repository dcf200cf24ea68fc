// spec 60 U4: what random answers cost is what @pydantic/genai-prices, from whose data our table is made, works out itself by its
// own rules for names, days and sizes.  MUSTER_ORACLE_CASES and MUSTER_ORACLE_SEED run more of them.
// Where the two differ on purpose, the reason stands in this file; anything else fails.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { random } from '../lib/transcripts.mjs';
import { UsageHome, claudeLine } from '../lib/usage.mjs';

const { calcPrice, findProvider } = createRequire(import.meta.url)('@pydantic/genai-prices');
const cases = Number(process.env.MUSTER_ORACLE_CASES ?? 4000);
const seed = Number(process.env.MUSTER_ORACLE_SEED ?? 20261128);

const vendors = ['anthropic', 'openai', 'google', 'moonshotai', 'minimax', 'zai', 'x-ai', 'deepseek'];

// It has a price there, and on purpose none here.
const unpriced = [
    [/^claude-(2|v1|v2)/, 'older than any agent CLI'],
    [/^ft:|\.ft-/, 'fine-tuned'],
    [/^(ada|babbage|curie|davinci|text-|gpt-3\.?5|gemini-(pro|1\.|flash-1))/, 'too old'],
    [/^gpt-oss|^gemma/, 'open weights: the price is that of whoever runs it'],
    [/^minimax-m3/, 'a threshold of 512,000 tokens'],
    [/^deepseek-(chat|reasoner|r1|v4)/, 'the price depends on the time of day'],
];
// It has no price there, and on purpose one here.
const handSet = [
    [/^claude-mythos-5(-1)?$/, 'sold like claude-fable-5 and 5-1'],
];
const listed = (list, name) => list.some(([pattern]) => pattern.test(name));

// Every name that a rule of the package holds.
function literals(match) {
    const [kind, text] = Object.entries(match)[0];
    if (kind === 'or' || kind === 'and') return text.flatMap(literals);
    return kind === 'regex' ? [] : [text];
}
const names = [{ name: 'claude-mythos-5', providerId: 'anthropic' }, { name: 'claude-mythos-5-1', providerId: 'anthropic' }];
for (const providerId of vendors) {
    for (const model of findProvider({ providerId }).models) {
        if (providerId !== 'anthropic' && model.id.startsWith('claude-')) continue;
        for (const name of new Set([...literals(model.match), model.id])) {
            const bare = name.replace(/[-@]$/, '');
            // What ends within a number or a date, or is the end of names, is none itself.
            if (!/(^|-)20\d\d$|flash-0$|^m2\.\d-highspeed$/i.test(bare)) names.push({ name: bare, providerId });
        }
    }
}

const spellings = {
    anthropic: [(n) => n, (n) => `${n}-20251101`, (n) => `anthropic/${n}`, (n) => `global.anthropic.${n}-v1:0`, (n) => `${n}[1m]`],
    openai: [(n) => n, (n) => `openai/${n}`],
};

async function costs(t, asked) {
    const home = new UsageHome(t);
    home.session('p/all', asked.map(({ model, usage, day }, i) => claudeLine({
        input_tokens: usage.input, output_tokens: usage.output, cache_read_input_tokens: usage.read, cache_creation_input_tokens: usage.write5m + usage.write1h,
        cache_creation: { ephemeral_5m_input_tokens: usage.write5m, ephemeral_1h_input_tokens: usage.write1h },
        server_tool_use: { web_search_requests: usage.searches } }, { model, sessionId: `case-${i}`, timestamp: `${day}T12:00:00.000Z` })));
    const { sessions } = await home.report('session', '-z', 'UTC');
    const bySession = new Map(sessions.map((s) => [s.session, s.cost_usd]));
    return asked.map((_, i) => bySession.get(`case-${i}`));
}

function theirs({ name, providerId, usage, day }) {
    const all = usage.input + usage.read + usage.write5m + usage.write1h;
    return calcPrice({ input_tokens: all, cache_read_tokens: usage.read, cache_write_tokens: usage.write5m + usage.write1h, cache_write_1h_tokens: usage.write1h,
        output_tokens: usage.output, web_searches: usage.searches }, name, { providerId, timestamp: new Date(`${day}T12:00:00Z`) });
}

const inputSide = (u) => u.input + u.read + u.write5m + u.write1h;
const near = (mine, their) => Math.abs(mine - their) <= 0.5e-6 + 1e-9 * their;

// Why the cost of a model that both have may differ; null: it may not.
function mayDiffer(model, usage) {
    if (/^claude-(sonnet-4|4-sonnet)(-0)?$/.test(model.id) && inputSide(usage) > 200000) return 'the long-context price of claude-sonnet-4, which the package does not list';
    if ([200000, 272000].includes(inputSide(usage))) return 'the package says "from 272,000 on" of some models, we say "above" of all';
    return null;
}

const dayOf = (r) => new Date(Date.UTC(2025, 0, 1 + r.below(900))).toISOString().slice(0, 10);
function usageOf(r) {
    const some = (n) => (r.chance(0.6) ? r.below(n) : 0);
    const usage = { input: some(50000), output: 1 + r.below(30000), read: some(r.chance(0.3) ? 400000 : 100000), write5m: some(30000), write1h: some(30000), searches: r.chance(0.1) ? r.below(4) : 0 };
    const edge = r.pick([0, 0, 0, 200000, 200001, 271999, 272000, 272001]);
    if (edge) usage.read = Math.max(0, edge - usage.input - usage.write5m - usage.write1h);
    return usage;
}

test(`U4 ${cases} random answers cost what the package works out`, async (t) => {
    const r = random(seed), asked = [];
    for (let i = 0; i < cases; i++) {
        const { name, providerId } = names[i % names.length];
        const spelled = r.pick(spellings[providerId] ?? [(n) => n])(name);
        asked.push({ name, providerId, model: spelled, usage: usageOf(r), day: dayOf(r) });
    }
    const mine = await costs(t, asked);
    const seen = { equal: 0, differs: 0, unpriced: 0 };
    for (let i = 0; i < cases; i++) {
        const { name, model, usage, day } = asked[i], their = theirs(asked[i]), what = `${model} on ${day}: ${JSON.stringify(usage)}`;
        if (mine[i] === null) {
            assert.ok(their === null || listed(unpriced, name.toLowerCase()) || listed(unpriced, their.model.id.toLowerCase()) || their.model_price.input_mtok === undefined || their.model_price.output_mtok === undefined,
                `${what} has no price, and $${their?.total_price} there as ${their?.model.id}`);
            seen.unpriced++;
        } else if (their === null) {
            assert.ok(listed(handSet, name), `${what} costs $${mine[i]}, and has no price there`);
            seen.differs++;
        } else {
            const searches = their.model_price.web_searches_kcount === undefined ? usage.searches * 0.01 : 0; // a cent, whoever's model
            if (!near(mine[i], their.total_price + searches)) {
                assert.ok(mayDiffer(their.model, usage), `${what} costs $${mine[i]}, and $${their.total_price + searches} there as ${their.model.id}`);
                seen.differs++;
            } else seen.equal++;
        }
    }
    t.diagnostic(JSON.stringify(seen));
    assert.ok(seen.equal > cases * 0.6 && seen.differs < cases * 0.1, JSON.stringify(seen));
});

// Neither the long-context price nor an hour's write is told there for each model, so there are none of these here.
test('U4 what a regional endpoint of Bedrock costs is what the package works out', async (t) => {
    const r = random(seed), asked = [];
    for (const { id } of findProvider({ providerId: 'aws' }).models) {
        const [, place, name] = /^(global|regional)\.anthropic\.(claude-.*)$/.exec(id) ?? [];
        if (!name) continue;
        for (const prefix of place === 'global' ? ['global'] : ['us', 'eu', 'jp', 'au']) {
            const model = `${prefix}.anthropic.${name.replace(/(?<!:0)$/, '-v1:0')}`;
            asked.push({ name: model, model, providerId: 'aws', day: '2026-11-01', usage: { input: r.below(50000), output: 1 + r.below(30000), read: r.below(90000), write5m: r.below(30000), write1h: 0, searches: 0 } });
        }
    }
    const mine = await costs(t, asked);
    let equal = 0;
    for (let i = 0; i < asked.length; i++) {
        const their = theirs(asked[i]);
        // Not each endpoint is there for each model, and of two old ones the cache has no price there.
        if (their === null || their.model_price.cache_read_mtok === undefined) continue;
        assert.ok(near(mine[i], their.total_price), `${asked[i].model} costs $${mine[i]}, and $${their.total_price} there as ${their.model.id}`);
        equal++;
    }
    assert.ok(equal > 40, `${equal} compared`);
});
