// spec 95 Console: its pages of tables, and who has to sign in.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accessibilityFaults, openConsole, openTab, startBrowser, waitCells, waitPhase, waitRows } from '../lib/browser.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { anthropic, fact, startMemory, turn } from '../lib/knowledge.mjs';
import { startNode } from '../lib/node.mjs';
import { kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

test('the pages of the console', async (t) => {
    const browser = await startBrowser(t);
    const node = await startNode(t, { config: 'agent "coder" {\n command = { "sleep", "600" }\n}' });
    await node.post('/api/v1/jobs', { agent: 'coder', repo: 'acme/web' });
    await node.waitFor(async () => (await node.get('/api/v1/jobs')).json.jobs[0].state === 'running', 'the job to run');

    await t.test('queue, workers, schedules and usage show what the API says', async (t) => {
        const { page, complaints } = await openTab(t, browser);
        await openConsole(page, node, '/?page=queue');
        const [job] = (await node.get('/api/v1/jobs')).json.jobs;
        const [shownJob] = await waitCells(page, 'jobs', (found) => found.length === 1);
        assert.deepEqual([shownJob.id, shownJob.state.slice(2), shownJob.agent, shownJob.repo, shownJob.attempts, shownJob.task, shownJob.finished_at],
            [String(job.id), job.state, job.agent, job.repo, `${job.attempts} of ${job.max_attempts}`, undefined, '—']);
        const [shownProfile] = await waitCells(page, 'profiles', (found) => found.length === 1);
        assert.deepEqual([shownProfile.name, shownProfile.state.slice(2), shownProfile.running, shownProfile.max_concurrency], ['coder', 'closed', '1', '—']);
        assert.match(await page.locator('.facts').innerText(), /Queued\s+0\s+Running\s+1\s/);
        await page.getByRole('link', { name: 'Workers' }).click();
        assert.equal(new URL(page.url()).search, '?page=workers');
        const said = (await node.get('/api/v1/workers')).json.workers;
        const workers = await waitCells(page, 'workers', (found) => found.length === said.length);
        for (const worker of said) {
            const shown = workers.find((row) => row.name === worker.name);
            assert.equal(shown.status.slice(2), worker.status);
            assert.equal(shown.restarts, worker.restarts === null ? '—' : String(worker.restarts));
            assert.equal(shown.last_heartbeat_ts === '—', worker.last_heartbeat_ts === null);
        }
        assert.equal(new Set(workers.map((row) => row.status.slice(0, 1))).size, new Set(said.map((w) => w.status)).size); // a shape of its own each
        await page.getByRole('link', { name: 'Schedules' }).click();
        await page.getByText('No scheduler has reported a schedule.').waitFor();
        await page.getByRole('link', { name: 'Usage' }).click();
        await waitUntil(async () => /Tokens\s+0\s/.test(await page.locator('.facts').innerText()), 'the totals');
        await page.goBack();
        await page.getByRole('heading', { name: 'Schedules' }).waitFor();
        await openConsole(page, node, '/?page=queue');
        await waitCells(page, 'jobs', (found) => found.length === 1);
        assert.deepEqual(await accessibilityFaults(page), []);
        assert.deepEqual(complaints, []);
    });

    await t.test('whom the node does not know signs in with a token, of this tab alone', { skip: process.getuid() !== 0 && 'NOT TESTED: needs root, to be somebody else' }, async (t) => {
        const proxy = spawn('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '--input-type=module', '-', String(node.port)], { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/' });
        atEnd(t, () => kill(proxy.pid));
        proxy.stdin.end(readFileSync(fileURLToPath(new URL('../lib/as-another-user.mjs', import.meta.url))));
        let port = '';
        proxy.stdout.on('data', (text) => (port += text));
        await waitUntil(() => port.includes('\n'), 'the port of the other user');
        const url = `http://127.0.0.1:${port.trim()}`;
        const { page } = await openTab(t, browser);
        await page.goto(url);
        await waitPhase(page, 'login');
        assert.deepEqual(await accessibilityFaults(page), []);
        await page.getByLabel('Token').fill('muster_wrong');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('alert').getByText(/valid token/).waitFor();
        const { json } = await node.post('/api/v1/tokens', { name: 'console', role: 'viewer' });
        await page.getByLabel('Token').fill(json.token);
        await page.keyboard.press('Enter');
        await waitPhase(page, 'live');
        await waitRows(page, (r) => r.length === 1, 'the fleet');
        await page.reload();
        await waitPhase(page, 'live');
        await node.request('DELETE', `/api/v1/tokens/${json.id}`);
        await page.reload();
        await waitPhase(page, 'login');
        // another tab has no token, whatever this one had
        const { page: other } = await openTab(t, browser);
        await other.goto(url);
        await waitPhase(other, 'login');
    });

    await t.test('V2: what sessions have taught is approved, rejected and said better in the console', async (t) => {
        const { node, model, put, run } = await startMemory(t);
        put('s1', turn('s1', 'user', 'first'));
        model.answer = () => anthropic([
            fact('Releases are cut on Tuesdays by the platform team.', { title: 'Releases', quote: 'we cut on Tuesdays' }), fact('Coffee is free on the third floor of the house.', { title: 'Coffee' }),
        ]);
        await node.start();
        await run();
        const { page, complaints } = await openTab(t, browser);
        await openConsole(page, node, '/?page=memory');
        const shown = (predicate) => waitCells(page, 'items', predicate);
        const [releases] = await shown((rows) => rows.length === 2);
        assert.deepEqual([releases.title.split('\n')[0], releases.status.slice(2), releases.content, releases.confidence, releases.evidence_count, releases.contradicts],
            ['Releases', 'pending', 'Releases are cut on Tuesdays by the platform team.', '90 %', '1', '—']);
        await page.getByRole('button', { name: 'Reject: Coffee' }).click();
        await shown((rows) => rows[1].status.endsWith('rejected'));
        assert.deepEqual((await node.get('/api/v1/knowledge?status=rejected')).json.items.map((i) => [i.title, i.decided_by.slice(0, 4)]), [['Coffee', 'uid:']]);
        await page.getByLabel('Status').selectOption('pending');
        await shown((rows) => rows.length === 1 && rows[0].title.startsWith('Releases'));
        assert.deepEqual(await accessibilityFaults(page), []);
        await page.getByRole('link', { name: 'Releases' }).click();
        const [said] = await waitCells(page, 'evidence', (rows) => rows.length === 1);
        assert.equal(said.quote, 'we cut on Tuesdays');
        await page.getByLabel('What it says').fill('Coffee is free on the third floor of the house.');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('alert').waitFor();
        assert.ok(complaints.every((line) => line.includes('409')), complaints.join('\n')); // the browser's own line for it
        await page.getByLabel('What it says').fill('Releases are cut on Wednesdays.');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.locator('.said').getByText('Releases are cut on Wednesdays.').waitFor();
        assert.equal(await page.getByRole('alert').count(), 0);
        await page.getByRole('button', { name: 'Approve: Releases' }).click();
        await page.locator('.badge').getByText('approved').waitFor();
        const now = (await node.get('/api/v1/knowledge/1')).json;
        assert.deepEqual([now.status, now.content], ['approved', 'Releases are cut on Wednesdays.']);
        assert.deepEqual(await accessibilityFaults(page), []);
        await page.setViewportSize({ width: 360, height: 800 });
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the screen');
    });
});
