// spec 95 Console: the hub's pages in a real browser, from a real hub with reports of several instances.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accessibilityFaults, openConsole, openTab, startBrowser, waitCells, waitPhase } from '../lib/browser.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { report, startHub } from '../lib/hub.mjs';
import { temporaryFolder } from '../lib/node.mjs';
import { kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const hour = 3_600_000;
const models = (n) => ({ big: { runs: 1, input_tokens: 1000, output_tokens: 100, cost_usd: 0.5 * n }, small: { runs: 2, input_tokens: 10, output_tokens: 5, cost_usd: 0.25 } });

// Four instances: one in order, one with a gap and a rewind, one that is silent, one that never reported; and a licence that is exceeded.
async function fill(hub, key, now) {
    const enrol = (instance_id, name, group) => hub.enrol({ instance_id, name, group });
    const [good, odd, silent] = [await enrol('build-7', 'Build host 7', 'ci'), await enrol('build-8', 'Build host 8', 'ci'), await enrol('desk', '<b>Desk</b> & "Co"', 'people')];
    await enrol('fresh', 'Fresh', 'people');
    const send = async (who, from, no, more) => {
        const body = report(who.instance_id, now - from * hour, now - (from - 1) * hour, { epoch: 'e', window_no: no, interval_seconds: 3600, version: '0.1.0', platform: 'linux', models: models(no), ...more });
        assert.equal((await hub.send(who, body)).status, 200);
    };
    for (let no = 1; no <= 4; no++) await send(good, 5 - no, no);
    await send(odd, 5, 1);
    await send(odd, 2, 4); // numbers 2 and 3 are missing
    await send(odd, 1, 4); // a number that is taken
    await send(silent, 4, 1, { interval_seconds: 0.05 });
    await waitUntil(async () => (await hub.get('/api/v1/instances/desk')).json.silent, 'silence');
    const file = path.join(hub.dir, 'licence.json');
    writeFileSync(file, JSON.stringify({ id: 'L-1', instance_id: 'build-7', max_agents: 4 })); // five agents are reported
    const signed = await hub.command(['hub', 'licence', 'sign', file, '--key', key]);
    assert.equal((await hub.request('PUT', '/api/v1/instances/build-7/licence', JSON.parse(signed.stdout))).status, 200);
}

test('the console of a hub', async (t) => {
    const browser = await startBrowser(t);
    const dir = temporaryFolder(t, 'muster-hub-');
    const key = path.join(dir, 'vendor.key');
    const token = 'a-token-of-this-hub-0123456789abcdef';
    writeFileSync(path.join(dir, 'token'), token, { mode: 0o600 });
    const keyless = await startHub(t, { dir });
    const made = await keyless.command(['hub', 'licence', 'key', key]);
    await keyless.stop();
    const hub = await startHub(t, { dir, config: `  licence_key = "${made.stdout.trim()}"`, more: `token_file = "${path.join(dir, 'token')}"` });
    const now = Math.floor(Date.now() / hour) * hour;
    await fill(hub, key, now);
    const get = async (path) => (await hub.get(path)).json;
    const shown = (page, list, count) => waitCells(page, list, (found) => found.length === count);

    await t.test('instances, one instance, compliance and usage show what the API says', async (t) => {
        const { page, complaints, origins } = await openTab(t, browser);
        await openConsole(page, hub);
        assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'muster hub');
        const said = (await get('/api/v1/instances')).instances;
        const rows = await shown(page, 'instances', said.length);
        said.forEach((i, at) => {
            const row = rows[at];
            assert.equal(row.name.split('\n')[0], i.name); // as text, whatever it holds
            assert.equal(row.state.slice(2), i.state);
            assert.equal(row.last_report_at === '—', i.last_report_at === null);
            assert.equal(row.agents, i.agents_total === null ? '—' : `${i.agents_online} of ${i.agents_total}`);
            assert.deepEqual([row.reports, row.servers_total, row.version], [i.reports, i.servers_total, i.version].map((v) => (v === null ? '—' : String(v))));
            for (const [word, count] of [['gap', i.gaps], ['rewind', i.rewinds], ['overlap', i.overlaps]]) assert.equal(row.found.includes(`${word} ${count}`), count > 0, `${word} of ${i.instance_id}: ${row.found}`);
        });
        assert.deepEqual(said.map((i) => [i.instance_id, i.state]), [['build-7', 'reporting'], ['build-8', 'reporting'], ['desk', 'silent'], ['fresh', 'enrolled']]);
        assert.ok(said[1].gaps > 0 && said[1].rewinds > 0);
        assert.match(await page.locator('.facts').innerText(), /Instances\s+4\s+Silent\s+1\s/);

        await page.getByRole('link', { name: 'Build host 8' }).click();
        assert.equal(new URL(page.url()).pathname, '/instances/build-8');
        const one = await get('/api/v1/instances/build-8');
        const gaps = await shown(page, 'gaps', one.findings.length);
        assert.deepEqual(gaps.map((row) => [row.kind.slice(2), row.first_no, row.last_no]), one.findings.map((f) => [f.kind, String(f.first_no ?? '—'), String(f.last_no ?? '—')]));
        assert.match(await page.locator('.facts').innerText(), new RegExp(`Window\\s+${one.window_no}\\s+Reports\\s+${one.reports}\\s`));
        await page.reload(); // the address alone is enough
        await shown(page, 'gaps', one.findings.length);

        await page.getByRole('link', { name: 'Findings' }).click();
        const all = (await get('/api/v1/findings')).findings;
        const listed = await shown(page, 'findings', all.length);
        assert.deepEqual(listed.map((row) => [row.name.split('\n')[0], row.kind.slice(2), row.first_no]), all.map((f) => [f.name, f.kind, String(f.first_no ?? '—')]));

        await page.getByRole('link', { name: 'Compliance' }).click();
        const standing = (await get('/api/v1/compliance')).instances;
        const licences = await shown(page, 'compliance', standing.length);
        standing.forEach((i, at) => assert.deepEqual([licences[at].state.slice(2), licences[at].limit, licences[at].figure, licences[at].licence_id],
            [i.state, String(i.limit ?? '—'), String(i.figure), i.licence_id ?? '—']));
        assert.deepEqual([standing[0].state, licences[0].reason], ['over', '5 of 4 agents']);

        await page.getByRole('link', { name: 'Usage' }).click();
        await page.getByLabel('And by').selectOption('model');
        assert.equal(new URL(page.url()).search, '?page=usage&by=model');
        const used = (await get('/api/v1/usage?group=model')).rows;
        const usage = await waitCells(page, 'rows', (found) => found.length === used.length && found[0].key);
        const key = (day, model) => `${day} ${model}`;
        const byKey = new Map(usage.map((row) => [key(row.bucket, row.key), row]));
        for (const row of used) assert.deepEqual([byKey.get(key(row.bucket.slice(0, 10), row.key)).runs, Number(byKey.get(key(row.bucket.slice(0, 10), row.key)).cost_usd.slice(1))], [String(row.runs), row.cost_usd]);
        // seven reports count; "big" costs half a dollar times the window's number, "small" a quarter each
        const sum = (0.5 * (1 + 2 + 3 + 4) + 0.5 * (1 + 4 + 4) + 0.5) + 8 * 0.25;
        await waitUntil(async () => (await page.locator('.facts').innerText()).includes(`$${sum.toFixed(2)}`), 'the sum');
        const chart = page.getByRole('img', { name: /^Cost by day and model: big, small/ });
        assert.ok((await chart.boundingBox()).height > 200);
        assert.deepEqual(complaints, []);
        assert.deepEqual([...origins], [hub.url]);
    });

    await t.test('filters are asked of the hub, are in the address, and are reached by keyboard', async (t) => {
        const { page, complaints } = await openTab(t, browser);
        await openConsole(page, hub, '/?finding=gap');
        assert.match((await shown(page, 'instances', 1))[0].name, /^Build host 8/);
        await page.getByLabel('Found').selectOption('');
        await shown(page, 'instances', 4);
        await page.getByLabel('Found').focus();
        await page.keyboard.press('Shift+Tab');
        await page.keyboard.press('Shift+Tab');
        await page.keyboard.type('people'); // behind State is Group
        await shown(page, 'instances', 2);
        assert.equal(new URL(page.url()).search, '?of_group=people');
        await page.keyboard.press('Shift+Tab');
        await page.keyboard.type('fre');
        await shown(page, 'instances', 1);
        await page.reload();
        await shown(page, 'instances', 1);
        for (let i = 0; i < 12 && !(await page.evaluate(() => document.activeElement.textContent === 'Fresh')); i++) await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await page.getByText('Nothing: no gap').waitFor();
        await page.goBack();
        await shown(page, 'instances', 1);
        await openConsole(page, hub, '/instances/nobody');
        await page.getByRole('alert').getByText(/no instance "nobody"/).first().waitFor();
        assert.deepEqual(complaints.filter((text) => !/404/.test(text)), []); // the browser writes down what it asked for in vain
    });

    await t.test('no violation of accessibility, light and dark, wide and at 360 px, and nothing is wider than the screen', async (t) => {
        const { page, complaints } = await openTab(t, browser);
        // Of the two lists of instances one is looked at by all rules, and both by that of contrast.
        for (const [address, list, count, wide] of [['/', 'instances', 4], ['/instances/build-8', 'gaps', null], ['/?page=compliance', 'compliance', 4, ['color-contrast']], ['/?page=usage&by=instance', 'rows', null]]) {
            await page.emulateMedia({ colorScheme: 'light' });
            await page.setViewportSize({ width: 1280, height: 800 });
            await openConsole(page, hub, address);
            await waitCells(page, list, (found) => (count ? found.length === count : found.length > 0));
            for (const [colorScheme, width, rules] of [['light', 1280, wide], ['dark', 360, ['color-contrast']]]) {
                await page.emulateMedia({ colorScheme });
                await page.setViewportSize({ width, height: 800 });
                assert.deepEqual(await accessibilityFaults(page, rules), [], `${address} ${colorScheme} at ${width}`);
                await waitUntil(() => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${address} to fit at ${width}`);
            }
        }
        assert.deepEqual(complaints, []);
    });

    await t.test('a hub that is away is said to be, what was shown stays, and what happens after its restart is seen', async (t) => {
        const { page, complaints } = await openTab(t, browser);
        await openConsole(page, hub);
        await shown(page, 'instances', 4);
        await hub.crash();
        await waitPhase(page, 'lost');
        await shown(page, 'instances', 4);
        await hub.start();
        await waitPhase(page, 'live');
        await hub.enrol({ instance_id: 'later', name: 'Later' });
        await shown(page, 'instances', 5);
        assert.deepEqual(complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/.test(text)), []);
    });

    await t.test('whom the hub does not know signs in with its token', { skip: process.getuid() !== 0 && 'NOT TESTED: needs root, to be somebody else' }, async (t) => {
        const proxy = spawn('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '--input-type=module', '-', String(hub.port)], { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/' });
        atEnd(t, () => kill(proxy.pid));
        proxy.stdin.end(readFileSync(fileURLToPath(new URL('../lib/as-another-user.mjs', import.meta.url))));
        let port = '';
        proxy.stdout.on('data', (text) => (port += text));
        await waitUntil(() => port.includes('\n'), 'the port of the other user');
        const { page } = await openTab(t, browser);
        await page.goto(`http://127.0.0.1:${port.trim()}/?page=compliance`);
        await waitPhase(page, 'login');
        await page.getByLabel('Token').fill('wrong');
        await page.keyboard.press('Enter');
        await page.getByRole('alert').getByText(/valid token/).waitFor();
        await page.getByLabel('Token').fill(token);
        await page.keyboard.press('Enter');
        await waitPhase(page, 'live');
        await shown(page, 'compliance', 5);
    });
});
