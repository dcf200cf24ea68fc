// spec 95 Console: the fleet in a real browser, from a real node with real agents.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PNG } from 'pngjs';
import { accessibilityFaults, openConsole, openTab, rows, startBrowser, waitPhase, waitRows } from '../lib/browser.mjs';
import { agents, fakeAgent } from '../lib/fleet.mjs';
import { startNode, temporaryFolder } from '../lib/node.mjs';
import { kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const quick = 'fleet {\n interval = "200ms"\n hung_after = "2s"\n}';
const profile = (file) => `agent "coder" {\n command = { "sh", "-c", "cat ${file}; sleep 600" }\n output = "claude-stream-json"\n}`;
const usage = { input_tokens: 100_000, output_tokens: 10_000, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
const message = { type: 'assistant', message: { id: 'msg_1', model: 'claude-sonnet-4-5', role: 'assistant', content: [], usage } };
const register = async (node, body) => (await node.post('/api/v1/agents', { session_id: 's1', ...body })).json;

test('the console', async (t) => {
    const browser = await startBrowser(t);
    const dir = temporaryFolder(t);
    const repo = path.join(dir, 'acme', 'api');
    mkdirSync(path.join(repo, '.git'), { recursive: true });
    const cli = await fakeAgent(t, repo, 'claude');
    writeFileSync(path.join(dir, 'message'), `${JSON.stringify(message)}\n`);
    const node = await startNode(t, { config: `${quick}\n${profile(path.join(dir, 'message'))}` });
    await node.post('/api/v1/sessions', { id: 's1', name: 'Review of the API' });
    const worker = await register(node, { name: 'reviewer', process_id: cli.pid, specialization: 'review' });
    await register(node, { name: 'far away', server: 'elsewhere.example', status: 'idle' });
    await node.post('/api/v1/jobs', { agent: 'coder', repo: 'acme/web', model: 'asked-for' });
    await node.waitFor(async () => {
        const all = await agents(node);
        return all.filter((a) => a.liveness && a.cpu_percent !== null).length === 2 && all.some((a) => a.cost_usd !== null);
    }, 'two agents to be looked at twice, and a cost');

    await t.test('a page, its files and what may be loaded', async () => {
        const page = await node.get('/', { 'accept-encoding': 'gzip' });
        assert.equal(page.status, 200);
        assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
        const policy = page.headers['content-security-policy'];
        assert.match(policy, /default-src 'none'/);
        assert.match(policy, /frame-ancestors 'none'/);
        assert.doesNotMatch(policy, /unsafe/);
        assert.equal(page.headers['x-content-type-options'], 'nosniff');
        assert.equal(page.headers['referrer-policy'], 'no-referrer');
        for (const [file, type] of [['app.js', 'text/javascript; charset=utf-8'], ['app.css', 'text/css; charset=utf-8'], ['icon.svg', 'image/svg+xml']]) {
            const got = await node.get(`/console/${file}`, { 'accept-encoding': 'gzip' });
            assert.deepEqual([got.status, got.headers['content-type']], [200, type]);
            if (got.bytes?.length > 1024) assert.equal(got.headers['content-encoding'], 'gzip');
            const again = await node.get(`/console/${file}`, { 'if-none-match': got.headers.etag });
            assert.equal(again.status, 304);
            assert.equal(again.text, '');
        }
        assert.equal((await node.get('/console/nothing.js')).status, 404);
        assert.equal((await node.get('/console/../muster.conf')).status, 404);
    });

    await t.test('shows what the API says, column by column', async (t) => {
        const { page, complaints, origins } = await openTab(t, browser);
        await openConsole(page, node);
        let said, shown;
        // The two are asked one after the other, and between them a verdict may change: they agree soon, or never.
        await waitUntil(async () => {
            said = await agents(node);
            shown = await rows(page);
            assert.deepEqual(shown.map((row) => row.id).sort(), said.map((a) => a.id).sort());
            for (const agent of said) {
                const { cells, group } = shown.find((row) => row.id === agent.id);
                const cell = (name) => cells[name].text;
                assert.equal(group, agent.session_id ?? '');
                assert.ok(cell('name').startsWith(`${agent.name} ${agent.vendor ?? '—'} · ${agent.origin}`), cell('name'));
                if (agent.liveness) assert.match(cell('verdict'), new RegExp(`^. ${agent.liveness.verdict} \\d+ (s|min)$`));
                else assert.equal(cell('verdict'), `— ${agent.status}`);
                assert.equal(cell('cause').replace(/[\d.]+/g, 'N'), (agent.liveness?.cause ?? agent.error_message ?? '—').replace(/[\d.]+/g, 'N'));
                assert.equal(cell('waits_for'), agent.liveness?.waits_for ?? '—');
                assert.equal(cell('task'), agent.task_id === null ? '—' : String(agent.task_id));
                assert.equal(cells.repo.tip, agent.repo ?? agent.cwd ?? '');
                assert.equal(cell('model'), agent.model ?? '—');
                // figures that move: known here if and only if they are known there
                assert.equal(cell('cpu') === '—', agent.cpu_percent === null);
                assert.equal(cell('memory') === '—', agent.memory_bytes === null);
                assert.equal(cell('tokens') === '—', agent.tokens_per_minute === null);
                assert.equal(cell('cost') === '—', agent.cost_usd === null);
            }
            return true;
        }, 'the page to show what the API says', 30_000, 100);
        const local = said.find((a) => a.id === worker.id);
        assert.equal(local.repo, repo);
        assert.equal(shown.find((row) => row.id === worker.id).cells.repo.text, '…/acme/api');
        const run = said.find((a) => a.origin === 'run');
        assert.deepEqual([run.model, run.input_tokens, run.output_tokens], ['claude-sonnet-4-5', 100_000, 10_000]);
        // the vendor's list price: 0.1 M × 3 $/M in, 0.01 M × 15 $/M out
        assert.equal(run.cost_usd, 0.45);
        assert.equal(shown.find((row) => row.id === run.id).cells.cost.text, '$0.450');
        const far = said.find((a) => a.name === 'far away');
        assert.deepEqual(Object.values(shown.find((row) => row.id === far.id).cells).slice(2).map((c) => c.text), Array(9).fill('—'));
        const [session] = (await node.get('/api/v1/sessions')).json.sessions.filter((s) => s.id === 's1');
        const head = await page.locator('tbody[data-group="s1"] tr.group').innerText();
        assert.match(head, new RegExp(`Review of the API\\s+${session.session_health}\\s+score ${session.health_score} of 100\\s+2 agents`));
        assert.deepEqual(complaints, []);
        assert.deepEqual([...origins], [node.url]);
    });

    await t.test('no violation of accessibility, light and dark, wide and at 360 px, and nothing is wider than the screen', async (t) => {
        const { page } = await openTab(t, browser);
        await openConsole(page, node);
        await waitRows(page, (r) => r.length === 3, 'three rows');
        for (const [colorScheme, width, rules] of [['light', 1280], ['dark', 1280, ['color-contrast']], ['dark', 360]]) {
            await page.emulateMedia({ colorScheme });
            await page.setViewportSize({ width, height: 800 });
            assert.deepEqual(await accessibilityFaults(page, rules), [], `${colorScheme} at ${width}`);
        }
        for (const width of [360, 800, 1280, 3840]) {
            await page.setViewportSize({ width, height: 800 });
            assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `sideways at ${width}`);
        }
    });

    await t.test('what is drawn: landmarks one below the other, rows of one height, and the colours that the scheme has', async (t) => {
        const { page } = await openTab(t, browser, { deviceScaleFactor: 1 });
        await openConsole(page, node);
        await waitRows(page, (r) => r.length === 3, 'three rows');
        const luminance = {};
        for (const colorScheme of ['light', 'dark']) {
            await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
            const seen = await page.evaluate(() => {
                const box = (element) => element.getBoundingClientRect().toJSON();
                return {
                    landmarks: ['header', '.filters', '.counts', 'table'].map((selector) => box(document.querySelector(selector))),
                    rows: [...document.querySelectorAll('tr[data-id]')].map(box),
                    badges: [...document.querySelectorAll('.badge, .health')].map((element) => ({ ...box(element), ground: getComputedStyle(element).backgroundColor })),
                };
            });
            const picture = PNG.sync.read(await page.screenshot());
            assert.deepEqual([picture.width, picture.height], [1280, 800]);
            const pixel = (x, y) => [...picture.data.subarray(4 * (Math.round(y) * picture.width + Math.round(x))).subarray(0, 3)];
            for (const list of [seen.landmarks, seen.rows]) list.slice(1).forEach((box, i) => assert.ok(box.top >= list[i].bottom, 'one below the other'));
            assert.ok(Math.max(...seen.rows.map((r) => r.height)) - Math.min(...seen.rows.map((r) => r.height)) <= 4, JSON.stringify(seen.rows));
            assert.equal(seen.badges.length, 3); // two verdicts and the health of a session
            for (const badge of seen.badges) assert.deepEqual(pixel(badge.left + 2, badge.top + badge.height / 2), badge.ground.match(/\d+/g).map(Number));
            luminance[colorScheme] = pixel(640, 790).reduce((sum, c) => sum + c) / 3;
        }
        assert.ok(luminance.light > 230 && luminance.dark < 40, JSON.stringify(luminance));
    });

    await t.test('an agent that comes, changes and dies is seen without loading again, and rows keep their height', async (t) => {
        const { page, complaints } = await openTab(t, browser);
        await openConsole(page, node);
        await waitRows(page, (r) => r.length === 3, 'three rows');
        await page.evaluate(() => (globalThis.neverLoadedAgain = true));
        const other = await fakeAgent(t, path.join(dir, 'more'), 'codex');
        const { id } = await register(node, { name: 'late', process_id: other.pid, session_id: 's2' });
        await waitRows(page, (r) => r.some((row) => row.id === id && row.group === 's2'), 'the new agent');
        const height = () => page.locator(`tr[data-id="${id}"]`).evaluate((tr) => tr.getBoundingClientRect().height);
        await waitRows(page, (r) => r.some((row) => row.id === id && row.cells.cpu.text !== '—'), 'its figures');
        const before = await height();
        await node.post('/api/v1/reports', { agent_id: id, state: 'stuck', reason: 'no key for the registry' });
        await node.waitFor(async () => /no key/.test((await node.get(`/api/v1/agents/${id}`)).json.liveness.cause), 'the node to know');
        const [stuck] = (await waitRows(page, (r) => r.some((row) => row.id === id && /no key for the registry/.test(row.cells.cause.text)), 'its own words')).filter((row) => row.id === id);
        assert.equal(await height(), before, stuck.cells.cause.text);
        kill(other.pid);
        await waitRows(page, (r) => r.some((row) => row.id === id && /dead/.test(row.cells.verdict.text)), 'its death');
        await page.getByText(/^late: dead/).waitFor({ state: 'attached' }); // and it is read out
        assert.equal(await page.evaluate(() => globalThis.neverLoadedAgain), true);
        await node.request('DELETE', `/api/v1/agents/${id}`);
        await waitRows(page, (r) => r.every((row) => row.id !== id), 'it to be gone');
        assert.deepEqual(complaints, []);
    });

    await t.test('filters are in the address, come from it, and are reached by keyboard', async (t) => {
        const { page } = await openTab(t, browser);
        await openConsole(page, node, '/?q=elsewhere&group=host');
        const [far] = await waitRows(page, (r) => r.length === 1, 'one row');
        assert.equal(far.cells.name.text.startsWith('far away'), true);
        assert.equal(far.group, 'elsewhere.example');
        assert.match(await page.locator('.counts').innerText(), /^1 of 3 agents$/);
        await page.getByLabel('Search').fill('');
        await waitRows(page, (r) => r.length === 3, 'all rows');
        assert.equal(new URL(page.url()).search, '?group=host');
        await page.getByLabel('Vendor').selectOption('claude');
        const [only] = await waitRows(page, (r) => r.length === 1, 'one row');
        assert.equal(only.id, worker.id);
        assert.equal(new URL(page.url()).search, '?vendor=claude&group=host');
        await page.reload();
        await waitPhase(page, 'live');
        assert.deepEqual((await waitRows(page, (r) => r.length === 1, 'the same row')).map((r) => r.id), [worker.id]);
        await page.getByLabel('Verdict').selectOption('dead');
        await waitRows(page, (r) => r.length === 0, 'no row');
        const reached = [];
        await page.evaluate(() => document.activeElement.blur());
        for (let i = 0; i < 13; i++) {
            await page.keyboard.press('Tab');
            reached.push(await page.evaluate(() => document.activeElement.name || document.activeElement.textContent));
        }
        for (const name of ['Skip to the page', 'Fleet', 'q', 'verdict', 'vendor', 'group', 'sort']) assert.ok(reached.includes(name), `${name} in ${reached}`);
    });

    await t.test('a lost node is said to be lost, its last state stays, and a restarted one is taken up', async (t) => {
        const { page, complaints } = await openTab(t, browser);
        await openConsole(page, node);
        await waitRows(page, (r) => r.length === 3, 'three rows');
        const port = node.port;
        await node.crash();
        await waitPhase(page, 'lost');
        assert.match(await page.locator('.connection').innerText(), /^▲? ?connection lost since \d+ s, retrying$/);
        assert.equal((await rows(page)).length, 3);
        await node.start({ env: { MUSTER_LISTEN: `127.0.0.1:${port}` } });
        await waitPhase(page, 'live');
        await register(node, { name: 'after the restart' });
        await waitRows(page, (r) => r.some((row) => /after the restart/.test(row.cells.name.text)), 'an agent that came later');
        // The browser itself writes down each connection that was refused; nothing else may be there.
        assert.deepEqual(complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/.test(text)), []);
    });
});
