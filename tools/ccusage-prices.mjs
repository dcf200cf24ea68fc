// Writes src/core/ccusage_price_table.c: what ccusage takes for a token, found out by asking it.
// usage: node tools/ccusage-prices.mjs CCUSAGE-BINARY [--check]
// Names are those of the price lists that the program carries (LiteLLM's and models.dev's, both MIT); the rates are
// measured: transcripts with round numbers of one kind of token each go in, costs come out.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';

const [binary, flag] = process.argv.slice(2);
if (!binary) {
    console.error('usage: node tools/ccusage-prices.mjs CCUSAGE-BINARY [--check]');
    process.exit(2);
}
const target = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../src/core/ccusage_price_table.c');

// The lists lie in the program as raw deflate streams of JSON objects, not far behind the names that are built in.
function lists(bytes) {
    const found = [];
    const start = bytes.indexOf('claude-opus-4-5');
    for (let at = start; at < start + 65536; at++) {
        const type = (bytes[at] >> 1) & 3;
        if (type !== 2 && type !== 1) continue;
        let text;
        try {
            text = zlib.inflateRawSync(bytes.subarray(at, at + 512), { finishFlush: zlib.constants.Z_SYNC_FLUSH });
        } catch { continue; }
        if (text.length < 200 || text[0] !== 0x7b || text[1] !== 0x22) continue;
        try {
            found.push(JSON.parse(zlib.inflateRawSync(bytes.subarray(at)).toString()));
        } catch { /* a chance hit */ }
    }
    return found;
}

const all = lists(readFileSync(binary));
const liteLlm = all.find((list) => Object.values(list)[0]?.i !== undefined);
const modelsDev = all.find((list) => Object.values(list)[0]?.cost !== undefined);
const wanted = /claude|gpt|codex|gemini|glm|kimi|grok|qwen|deepseek|^o[134](-|$)|opus|sonnet|haiku/;
const aliases = ['opus', 'sonnet', 'haiku', 'claude', 'claude-opus', 'claude-sonnet', 'claude-haiku', 'opus-4-5', 'sonnet-4-5', 'haiku-4-5',
    'opus-4-6', 'opus-4-7', 'opus-4-8', 'opus-5', 'sonnet-4-6', 'sonnet-5', 'claude-4-opus', 'claude-4-sonnet', 'claude-mythos-5', 'claude-mythos-5-1',
    'claude-opus-4', 'claude-opus-4-1', 'claude-opus-4-5', 'claude-opus-4-6', 'claude-opus-4-7', 'claude-opus-4-8', 'claude-sonnet-4', 'claude-sonnet-4-5',
    'claude-sonnet-4-6', 'claude-haiku-4-5', 'claude-3-opus', 'claude-3-sonnet', 'claude-3-haiku', 'claude-3-5-haiku', 'claude-3-5-sonnet', 'claude-3-7-sonnet',
    'gpt-5', 'gpt-5-codex', 'gpt-6', 'gpt-5.1', 'gpt-5.2', 'gpt-5.6', 'gpt-reserve', 'gpt-5.3-spark', 'o3', 'o4-mini', 'codex-mini-latest'];
const builtIn = new Set(aliases.filter((name) => /^(claude-.*\d|claude-\d.*|gpt-5)$/.test(name)));
const names = new Set(aliases);
for (const name of Object.keys(liteLlm)) names.add(name);
for (const name of Object.keys(modelsDev)) if (wanted.test(name) && !name.includes('/') && !name.includes('--')) names.add(name);

const folder = mkdtempSync(path.join(os.tmpdir(), 'ccusage-prices-'));
mkdirSync(path.join(folder, 'projects/p'), { recursive: true });
function costs(usage) {
    const lines = [...names].map((model, i) => JSON.stringify({ type: 'assistant', sessionId: 's', requestId: `r${i}`, timestamp: '2026-11-01T10:00:00.000Z',
        message: { id: `m${i}`, model, usage: { input_tokens: 0, output_tokens: 0, ...usage } } }));
    writeFileSync(path.join(folder, 'projects/p/s.jsonl'), lines.join('\n') + '\n');
    const out = execFileSync(binary, ['claude', 'daily', '--json', '--offline', '-z', 'UTC'],
        { env: { CLAUDE_CONFIG_DIR: folder, HOME: folder }, maxBuffer: 1 << 28 });
    const { daily } = JSON.parse(out);
    return new Map(daily[0].modelBreakdowns.map((b) => [b.modelName, b]));
}
const kinds = ['input_tokens', 'output_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'];
const low = kinds.map((k) => costs({ [k]: 100000 }));
const high = kinds.map((k) => costs({ [k]: 1200000 }));
const mixed = costs({ input_tokens: 1000, cache_read_input_tokens: 1200000 });
const outputLong = costs({ output_tokens: 1000, cache_read_input_tokens: 1200000 });
const at272 = costs({ input_tokens: 272000 });
const fast = costs({ input_tokens: 100000, speed: 'fast' });
rmSync(folder, { recursive: true });

const pico = (usd, tokens) => Math.round(usd / tokens * 1e12);
const rows = [];
for (const name of [...names].sort((a, b) => (a < b ? -1 : 1))) {
    if (low.some((c) => !c.has(name)) || !fast.has(`${name}-fast`)) continue; // shown under another name
    const base = low.map((c) => pico(c.get(name).cost, 100000));
    if (low[0].get(name).missingPricing) continue;
    const top = high.map((c) => c.get(name).cost);
    const flat = kinds.every((_, k) => Math.abs(top[k] - base[k] * 1.2e-6) < 1e-9);
    let mode = 0, above = [0, 0, 0, 0], threshold = 0;
    if (!flat) {
        const whole = Math.abs(mixed.get(name).cost - top[3] - base[0] * 1e-9) > 1e-12;
        mode = whole ? 2 : 1;
        threshold = whole && Math.abs(at272.get(name).cost - base[0] * 272e-9) < 1e-9 ? 272000 : 200000;
        above = kinds.map((_, k) => (whole ? pico(top[k], 1200000) : pico(top[k] - base[k] * 0.2e-6, 1000000)));
        if (whole) above[1] = pico(outputLong.get(name).cost - top[3], 1000);
    }
    const read = liteLlm[name] ? liteLlm[name].cr : modelsDev[name]?.cost.cache_read;
    const multiple = base[0] ? Math.round(fast.get(`${name}-fast`).cost / (base[0] * 1e-7) * 100) : 100;
    const told = liteLlm[name] || modelsDev[name] ? read !== undefined : true;
    rows.push(`    {"${name}", {${base.join(', ')}}, ${mode}, ${threshold}, {${above.join(', ')}}, ${multiple}, ${told}, ${Boolean(liteLlm[name]) || builtIn.has(name)}},`);
}
const text = `/* ccusage_price_table.c -- what ccusage 20.0.24 takes for a token, by name, sorted.
 *
 * Written by tools/ccusage-prices.mjs, which asks that program; the names come from the price lists of LiteLLM and
 * models.dev, both under the MIT licence.  Not to be changed by hand. */
#include "core/ccusage_price.h"

/* clang-format off */
/* name, {input, output, cache write, cache read}, mode, threshold, {above it}, fast percent, read is told, may be part of a name */
static const struct ccusage_price table[] = {
${rows.join('\n')}
};
/* clang-format on */

size_t ccusage_price_count(void)
{
    return COUNT_OF(table);
}

const struct ccusage_price *ccusage_price_at(size_t i)
{
    assert(i < COUNT_OF(table));
    return &table[i];
}
`;
if (flag === '--check') {
    if (readFileSync(target, 'utf8') !== text) {
        console.error(`${target} is not what this ccusage says; run tools/ccusage-prices.mjs`);
        process.exit(1);
    }
} else {
    writeFileSync(target, text);
    console.log(`${rows.length} models`);
}
