// The pages: those of docs/reference are what the program prints, and every link of every page leads somewhere.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { muster, root } from '../lib/node.mjs';

test('docs/reference is what the program prints', async () => {
    for (const page of ['commands', 'configuration', 'api', 'metrics']) {
        const { code, stdout } = await muster(['manual', 'markdown', page]);
        assert.equal(code, 0);
        const committed = readFileSync(path.join(root, `docs/reference/${page}.md`), 'utf8');
        assert.equal(committed, stdout, 'make reference writes the pages anew');
    }
});

const pages = (dir = root) => readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (/^(node_modules|build.*|\..*)$/.test(entry.name)) return [];
    const file = path.join(dir, entry.name);
    return entry.isDirectory() ? pages(file) : entry.name.endsWith('.md') ? [file] : [];
});

// As GitHub makes them: small letters, no punctuation, dashes for spaces, a number behind one that is there already.
function anchors(text) {
    const seen = new Map();
    const headings = [...text.replace(/^```[^]*?^```/gm, '').matchAll(/^#+ +(.+)$/gm)];
    return headings.map(([, heading]) => {
        const slug = heading.trim().toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/ /g, '-');
        const times = seen.get(slug) ?? 0;
        seen.set(slug, times + 1);
        return times ? `${slug}-${times}` : slug;
    });
}

test('every link leads to a file, and every anchor to a heading', () => {
    const all = pages();
    assert.ok(all.some((file) => file.endsWith('README.md')));
    for (const file of all) {
        const text = readFileSync(file, 'utf8').replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
        for (const [, target] of text.matchAll(/\]\(<?([^)\s>]+)>?\)/g)) {
            if (/^[a-z]+:/.test(target)) continue;
            const [name, anchor] = target.split('#');
            const to = name ? path.resolve(path.dirname(file), name) : file;
            const where = `${path.relative(root, file)}: ${target}`;
            assert.ok(existsSync(to), where);
            assert.ok(to.startsWith(root.replace(/\/$/, '')), where);
            if (anchor !== undefined && !statSync(to).isDirectory()) assert.ok(anchors(readFileSync(to, 'utf8')).includes(anchor), where);
        }
    }
});

test('every how-to stands in the index, and every page of the reference', () => {
    for (const folder of ['docs/how-to', 'docs/reference']) {
        const index = readFileSync(path.join(root, folder, 'README.md'), 'utf8');
        for (const name of readdirSync(path.join(root, folder)))
            if (name !== 'README.md') assert.ok(index.includes(`(${name})`), `${folder}/${name}`);
    }
});

// Words of code: what stands in fences and between backquotes.
const code = (text) => [...text.matchAll(/^```[^\n]*\n([^]*?)^```|`([^`\n]+)`/gm)].map((m) => m[1] ?? m[2]).join('\n');

test('the series that pages speak of are those that /metrics has', () => {
    const known = readFileSync(path.join(root, 'docs/reference/metrics.md'), 'utf8');
    for (const file of pages().filter((page) => !page.endsWith('docs/reference/metrics.md')))
        for (const [name] of code(readFileSync(file, 'utf8')).matchAll(/\bmuster_[a-z_]+[a-z](?![*a-z])/g)) {
            const series = name.replace(/_(bucket|sum|count)$/, '');
            assert.ok(known.includes(`\`${series}\``) || known.includes(`\`${series}_total\``), `${path.relative(root, file)}: ${name}`);
        }
});

test('the commands that pages show are those that there are', async () => {
    const { stdout } = await muster(['help']);
    const known = new Set(['help', ...[...stdout.split('Commands:\n')[1].split('\n\n')[0].matchAll(/^ {2}(\w+)/gm)].map((m) => m[1])]);
    for (const file of pages().filter((page) => !page.endsWith('roadmap.md')))
        for (const [, fence] of readFileSync(file, 'utf8').matchAll(/^```[^\n]*\n([^]*?)^```/gm))
            for (const [line, name] of fence.matchAll(/^\$? ?muster ([a-z]+)\b.*$/gm)) assert.ok(known.has(name) || line === 'muster is up.', `${path.relative(root, file)}: ${line}`);
});
