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
