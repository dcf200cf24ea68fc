// Writes src/core/price_table.c: what vendors ask for a token, from the npm package @pydantic/genai-prices (MIT).
// usage: node tools/genai-prices.mjs [--check]
// tests/package-lock.json pins the package, so that the table is the same wherever it is made; the file that is made is in the
// tree, so that a build needs neither node nor npm nor a network.  With --check nothing is written: a file that differs fails.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '..');
const target = path.join(root, 'src/core/price_table.c');
const require = createRequire(path.join(root, 'tests/package.json'));
const { findProvider } = require('@pydantic/genai-prices');
const { version } = JSON.parse(readFileSync(path.join(root, 'tests/node_modules/@pydantic/genai-prices/package.json'), 'utf8'));

// -- what is taken --

// Vendors whose models Claude Code, Codex and Gemini CLI are used with, by their own interfaces or behind a gateway.
const providers = ['anthropic', 'openai', 'google', 'moonshotai', 'minimax', 'zai', 'x-ai', 'deepseek'];

// Models that are left out, so that they have no price rather than a wrong one.
const leftOut = [
    [/^claude-(2|v1)$/, 'older than any agent CLI'],
    [/^ft:|\.ft-/, 'fine-tuned: the rest of the name is the customer\'s'],
    [/^(ada|babbage|curie|davinci|text-|gpt-3\.5|gemini-pro)/, 'too old for any agent CLI'],
    [/^gpt-oss|^gemma/, 'open weights: what it costs depends on who runs it'],
    [/^gemini-(1\.|flash-1|pro-1)/, 'the long-context price begins at 128,000 tokens, which is not remembered of a request; older than any agent CLI'],
    [/^minimax-m3$/i, 'the long-context price begins at 512,000 tokens, which is not remembered of a request'],
    [/^deepseek-(chat|reasoner|v4)/, 'the price depends on the time of day'],
];

// Set by hand over the package's data, each with its reason.
const sameAs = [
    { model: 'claude-mythos-5', as: 'claude-fable-5', reason: 'sold at the price of claude-fable-5; the package does not list it' },
    { model: 'claude-mythos-5-1', as: 'claude-fable-5-1', reason: 'sold at the price of claude-fable-5-1, which the package says without listing it' },
];
const longPrices = [
    { models: ['claude-sonnet-4', 'claude-4-sonnet'], above: 200000, input: 6, output: 22.5, read: 0.6, write5m: 7.5, write1h: 12,
        reason: 'the beta of the million-token context had the long-context price of claude-sonnet-4-5; the package does not list it' },
];
// The package says one token less where the vendor writes "from 272K on"; a request is remembered as above the round number.
const thresholds = new Map([[200000, 200000], [199999, 200000], [272000, 272000], [271999, 272000]]);
// What a fast answer (Claude's fast mode, OpenAI's priority processing) costs, in percent of the usual price; the package does not list it.
const fast = [
    { models: /^claude-(opus-4-[67]|4-[67]-opus)$/, percent: 600, reason: '30 USD for an input of 5, Anthropic\'s page on fast mode' },
    { models: /^claude-(opus-4-8|4-8-opus|opus-5|5-opus)$/, percent: 200, reason: '10 USD for an input of 5, the same page' },
    { models: /^claude-(opus-5-5|5-5-opus)$/, percent: 200, reason: 'that of claude-opus-5, which it follows' },
    { models: /^gpt-5[.-]5(-codex|-chat|-pro)?$/, percent: 250, reason: '12.50 USD for an input of 5, OpenAI\'s page on priority processing' },
    { models: /^gpt-(5[.-][46]|6-astra)/, percent: 200, reason: '5 USD for an input of 2.50, the same page; GPT-5.6 and 6 likewise' },
    { models: /^gpt-5([.-][123])?(-chat|-codex(-max)?)?$/, percent: 200, reason: '2.50 USD for an input of 1.25, the same page; GPT-5.3 likewise' },
    { models: /^gpt-5-mini$/, percent: 180, reason: '0.45 USD for an input of 0.25, the same page' },
    { models: /^gpt-4\.1$/, percent: 175, reason: '3.50 USD for an input of 2, the same page' },
];

// -- names --

// As price_name.c has them: what stands for the same model is one name.
const bareName = (text) => text.toLowerCase().split('/').at(-1).replace(/^.*anthropic\./, '');
function plainName(text) {
    let name = bareName(text);
    for (let before; before !== name;) {
        before = name;
        name = name.replace(/(?<=.)(\[1m\]|-v\d:\d|-v\d|[-@]\d{8}|@default|-latest|-\d{4}-\d\d-\d\d|-\d{3})$/, '');
    }
    if (name.startsWith('claude-')) name = name.replaceAll('.', '-').replace(/-0$/, '');
    return /\d/.test(name) ? name : bareName(text); // "grok-latest" is no model "grok"
}

// The names of a rule, and whether a word may follow them.  Two negative rules of the package keep "-tts" away from other
// models; those have rows of their own here, which win.
function namesOf(match, id) {
    const [kind, text] = Object.entries(match)[0];
    const name = (prefix, raw = text) => [{ name: plainName(raw), dated: bareName(raw), prefix }];
    switch (kind) {
    case 'or': return text.flatMap((m) => namesOf(m, id));
    case 'and': return namesOf(text.find((m) => m.starts_with), id);
    case 'equals': case 'ends_with': return name(false);
    case 'starts_with': case 'contains':
        if (/-0$|-20\d\d$/.test(text) && !text.startsWith('claude-')) return []; // the beginning of a version or a date, which a plain name has not
        if (!text.toLowerCase().startsWith(id.toLowerCase().slice(0, 4))) return name(false, id);
        return /-20\d\d$|@$/.test(text) ? [] : name(true, text.replace(/-$/, ''));
    case 'regex': {
        const dated = /^\^([a-z0-9./\\-]+?)-\\d(\{8\}\$|\{4\}-\\d\{2\}-\\d\{2\}\$)?$/.exec(text);
        if (dated) return name(false, dated[1].replaceAll('\\', ''));
    }
    }
    throw new Error(`${id}: no such rule is known: ${JSON.stringify(match)}`);
}

// -- prices --

const kinds = { input: 'input_mtok', output: 'output_mtok', read: 'cache_read_mtok', write5m: 'cache_write_mtok', write1h: 'cache_write_1h_mtok' };
const base = (value) => (typeof value === 'object' ? value.base : value);

function ratesOf(prices, id) {
    const row = { rates: {}, long: null };
    for (const [kind, key] of Object.entries(kinds)) {
        const value = prices[key];
        row.rates[kind] = base(value);
        if (typeof value !== 'object') continue;
        const [tier] = value.tiers;
        if (value.tiers.length !== 1 || !thresholds.has(tier.start)) throw new Error(`${id}: an unknown threshold: ${JSON.stringify(value)}`);
        row.long ??= { above: thresholds.get(tier.start) };
        row.long[kind] = tier.price;
    }
    if (prices.web_searches_kcount !== undefined && prices.web_searches_kcount !== 10) throw new Error(`${id}: a web search is no cent`);
    return row;
}

function datedRows(model) {
    const all = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
    return all.map(({ constraint, prices }, i) => {
        if (constraint ? i === 0 || constraint.type !== 'start_date' : i > 0) throw new Error(`${model.id}: prices by an unknown rule`);
        return { from: constraint?.start_date ?? null, ...ratesOf(prices, model.id) };
    });
}

// Bedrock bills its regional and US, EU, … endpoints of some models at a premium over the global one.
const regional = new Map();
for (const model of findProvider({ providerId: 'aws' }).models) {
    const [, name] = /^regional\.anthropic\.(claude-.*)$/.exec(model.id) ?? [];
    if (name) regional.set(plainName(name), model.prices);
}
function regionalPercent(name, rates) {
    const there = regional.get(name);
    if (!there) return 100;
    const percents = new Set(Object.entries(kinds).filter(([kind, key]) => there[key] !== undefined && rates[kind] !== undefined)
        .map(([kind, key]) => Math.round((base(there[key]) / rates[kind]) * 1e6) / 1e4));
    const [percent] = percents;
    if (percents.size !== 1 || !Number.isInteger(percent)) throw new Error(`${name}: no single premium on Bedrock: ${[...percents]}`);
    return percent;
}

// -- the table --

const table = new Map(); // name -> { prefix, rows }
function enter({ name, dated, prefix }, rows) {
    const old = table.get(name);
    if (old && JSON.stringify(old.rows) !== JSON.stringify(rows)) { // a snapshot with a price of its own keeps its date
        if (dated === name) throw new Error(`${name} has two prices`);
        table.set(dated, { prefix: false, rows });
        return;
    }
    table.set(name, { prefix: prefix || (old?.prefix ?? false), rows });
}
for (const providerId of providers) {
    for (const model of findProvider({ providerId }).models) {
        const sold = Array.isArray(model.prices) ? model.prices[0].prices : model.prices;
        if (sold.input_mtok === undefined || sold.output_mtok === undefined || leftOut.some(([id]) => id.test(model.id))) continue;
        if (providerId !== 'anthropic' && model.id.startsWith('claude-')) continue; // another vendor's offer of the same models
        for (const name of namesOf(model.match, model.id)) enter(name, datedRows(model));
    }
}
for (const { model, as } of sameAs) {
    if (table.has(model)) throw new Error(`${model} is set by hand, and the package has it too`);
    table.set(model, { prefix: false, rows: table.get(as).rows, as });
}
for (const { models, reason, ...long } of longPrices) {
    for (const model of models) {
        const { rows } = table.get(model);
        if (rows.length !== 1 || rows[0].long) throw new Error(`${model} is set by hand, and the package has it too`);
        table.get(model).rows = [{ ...rows[0], long }];
    }
}

const usd = (value) => (value === undefined ? 'NOT_SOLD' : `USD(${value})`);
const rates = (r) => `{${Object.keys(kinds).map((kind) => usd(r[kind])).join(', ')}}`;
const lines = [];
for (const name of [...table.keys()].sort((a, b) => (a < b ? -1 : 1))) {
    const { prefix, rows, as } = table.get(name);
    const percent = fast.find(({ models }) => models.test(name))?.percent;
    const premium = regionalPercent(as ?? name, rows[0].rates);
    for (const { from, rates: normal, long } of rows) {
        const fields = [`"${name}"`, from ? `INT64_C(${Date.parse(`${from}T00:00:00Z`)}000) /* ${from} */` : '0', rates(normal)];
        if (long) fields.push(String(long.above), rates(long));
        if (prefix) fields.push('.is_prefix = true');
        if (percent) fields.push(`.fast_percent = ${percent}`);
        if (premium !== 100) fields.push(`.regional_percent = ${premium}`);
        lines.push(`    {${fields.join(', ')}},`);
    }
}
const text = `/* price_table.c -- published prices, one row per name and date, sorted by name and then by date.
 *
 * Written by tools/genai-prices.mjs from @pydantic/genai-prices ${version} (MIT), which names the vendors' pages;
 * what is set by hand stands in that script with its reason.  Not to be changed by hand. */
#include "core/price.h"

#define USD(per_million_tokens) ((int64_t)((per_million_tokens)*1e6 + 0.5))
#define NOT_SOLD (-1)

/* name, from, {input, output, cache read, cache write 5 min, cache write 1 h}, long above, {the same} */
/* clang-format off */
static const struct price table[] = {
${lines.join('\n')}
};
/* clang-format on */

size_t price_count(void)
{
    return COUNT_OF(table);
}

const struct price *price_at(size_t i)
{
    assert(i < COUNT_OF(table));
    return &table[i];
}
`;

if (process.argv[2] === '--check') {
    if (readFileSync(target, 'utf8') !== text) {
        console.error('src/core/price_table.c is not what tools/genai-prices.mjs makes of the package: make prices writes it anew');
        process.exit(1);
    }
} else {
    writeFileSync(target, text);
    console.log(`${lines.length} prices of ${table.size} names`);
}
