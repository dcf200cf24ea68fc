// spec 95 Console: the page of one agent, and that of what sessions claimed and ran, from a real node.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { accessibilityFaults, openConsole, openTab, startBrowser, waitCells, waitPhase } from '../lib/browser.mjs';
import { fakeAgent } from '../lib/fleet.mjs';
import { startNode, temporaryFolder } from '../lib/node.mjs';
import { kill } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const quick = 'fleet {\n interval = "200ms"\n}';
const refused = /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;
const worn = async (page, group) => Object.fromEntries((await page.$$eval(`[data-group="${group}"] .facts > div`, (all) => all.map((div) => [div.children[0].innerText, div.children[1].innerText.trim()]))));
const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

async function fits(page, address) {
    for (const [colorScheme, width, rules] of [['light', 1280], ['dark', 360, ['color-contrast']]]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        assert.deepEqual(await accessibilityFaults(page, rules), [], `${address} ${colorScheme} at ${width}`);
        assert.ok((await sideways(page)) <= 0, `${address} sideways at ${width}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 800 });
}

test('the page of an agent', async (t) => {
    const browser = await startBrowser(t);
    const dir = temporaryFolder(t);
    const cli = await fakeAgent(t, path.join(dir, 'work'), 'claude');
    const node = await startNode(t, { config: quick });
    const { id } = (await node.post('/api/v1/agents', { name: 'a <b> & c', session_id: 's1', process_id: cli.pid })).json;
    const far = (await node.post('/api/v1/agents', { name: 'far away', session_id: 's1', server: 'elsewhere.example', status: 'idle' })).json;
    await node.post('/api/v1/reports', { agent_id: id, state: 'working' });
    const get = async () => (await node.get(`/api/v1/agents/${id}`)).json;
    await node.waitFor(async () => (await get()).evidence?.samples > 2 && (await get()).liveness.verdict === 'working', 'some looks');
    await node.post('/api/v1/reports', { agent_id: id, state: 'stuck', reason: 'no key for the registry' });
    await node.waitFor(async () => /no key/.test((await get()).liveness.cause), 'the report to count');

    const { page, complaints, origins } = await openTab(t, browser);
    await openConsole(page, node);
    await page.getByRole('link', { name: 'a <b> & c' }).click();
    assert.equal(new URL(page.url()).pathname, `/agents/${id}`);

    await t.test('shows verdict, evidence and what was before, as the API has them', async () => {
        await page.getByRole('heading', { name: 'a <b> & c' }).waitFor();
        // What moves is compared by whether it is known; what stands still word by word.
        await waitUntil(async () => {
            const { liveness, evidence: e, history, ...a } = await get();
            assert.equal((await page.locator('.judged .badge').innerText()).slice(2), liveness.verdict);
            assert.equal(await page.locator('.cause').innerText(), liveness.cause);
            const is = await worn(page, 'What it is');
            assert.deepEqual([is['Started by'], is['Agent CLI'], is.Process, is.Folder, is.Run], [a.origin, a.vendor ?? '—', String(a.pid), a.cwd, '—']);
            const process = await worn(page, 'Process');
            assert.deepEqual([process.State, process['Tools below it'], process.Tool, process.Orphaned], [e.process_state, String(e.tools), e.tool ?? '—', e.orphaned ? 'yes' : 'no']);
            assert.equal(process['CPU ticks'] === '—', e.cpu_ticks === null);
            const input = await worn(page, 'Standard input');
            assert.deepEqual([input.Is, input['Held open']], [e.stdin ?? '—', e.stdin_held_open === null ? '—' : e.stdin_held_open ? 'yes' : 'no']);
            assert.deepEqual(await worn(page, 'Its own words'), { Reported: 'stuck', Reason: 'no key for the registry' });
            const transcript = await worn(page, 'Transcript');
            assert.deepEqual([transcript.Turn, transcript.Size === '—'], [e.turn ?? '—', e.transcript_bytes === null]);
            const before = await waitCells(page, 'history', (found) => found.length === history.length);
            assert.deepEqual(before.map((row) => row.verdict.slice(2)), history.map((v) => v.verdict)); // the last one first
            assert.ok(history.some((v) => v.verdict === 'working'));
            return true;
        }, 'the page to show what the API says', 30_000, 100);
        assert.deepEqual(complaints, []);
        assert.deepEqual([...origins], [node.url]);
    });

    await t.test('no violation of accessibility, light and dark, and nothing is wider than the screen', async () => {
        await fits(page, `/agents/${id}`);
    });

    await t.test('an agent that nothing can be seen of says so, and one that is not there too', async () => {
        await openConsole(page, node, `/agents/${far.id}`);
        await page.getByText('There is no verdict').waitFor();
        assert.equal((await worn(page, 'What it is')).Host, 'elsewhere.example');
        assert.equal(await page.locator('[data-group="Process"]').count(), 0);
        await openConsole(page, node, '/agents/nobody');
        await page.getByRole('alert').getByText('there is no agent "nobody"').waitFor();
    });

    await t.test('its end and a restart of the node are seen without loading again', async () => {
        await openConsole(page, node, `/agents/${id}`);
        await page.evaluate(() => (globalThis.neverLoadedAgain = true));
        await page.locator('.judged .badge').waitFor();
        kill(cli.pid);
        await waitUntil(async () => /dead/.test(await page.locator('.judged .badge').innerText()), 'its death', 30_000, 100);
        const port = node.port;
        await node.crash();
        await waitPhase(page, 'lost');
        assert.match(await page.locator('.judged .badge').innerText(), /dead/);
        await node.start({ env: { MUSTER_LISTEN: `127.0.0.1:${port}` } });
        await waitPhase(page, 'live');
        await page.getByRole('link', { name: 'Fleet' }).click();
        await page.getByRole('link', { name: 'far away' }).waitFor();
        assert.equal(await page.evaluate(() => globalThis.neverLoadedAgain), true);
        assert.deepEqual(complaints.filter((text) => !refused.test(text) && !/404/.test(text)), []); // what was asked for in vain is written down by the browser
    });
});

let serial = 0;
const line = (session, type, content, more = {}) => JSON.stringify({ type, sessionId: session, uuid: `u${++serial}`, timestamp: '2026-10-01T10:00:00.000Z', cwd: '/work',
    gitBranch: 'main', isSidechain: false, message: { role: type, content, ...(type === 'assistant' ? { id: `msg_${serial}`, model: 'claude-opus-4-5', usage: { input_tokens: 1000, output_tokens: 10, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 } } : {}) }, ...more });
const checked = (session, output, failed) => [
    line(session, 'user', 'Fix it'),
    line(session, 'assistant', [{ type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'npm test' } }]),
    line(session, 'user', [{ type: 'tool_result', tool_use_id: 't1', content: failed ? `Exit code 1\n${output}` : output, is_error: failed }], failed ? {} : { toolUseResult: { stdout: output, interrupted: false } }),
    line(session, 'assistant', [{ type: 'text', text: 'All tests pass.' }]),
];

test('what sessions claimed and ran', async (t) => {
    const browser = await startBrowser(t);
    const node = await startNode(t);
    const projects = path.join(node.dir, 'home', '.claude', 'projects', '-work');
    mkdirSync(projects, { recursive: true });
    writeFileSync(path.join(projects, 'kept.jsonl'), `${checked('kept', 'Tests: 3 passed, 3 total', false).join('\n')}\n`);
    writeFileSync(path.join(projects, 'broken.jsonl'), `${checked('broken', 'Tests: 1 failed, 3 total', true).join('\n')}\n`);
    const { page, complaints } = await openTab(t, browser);
    await openConsole(page, node, '/?page=verification');
    await page.getByText('No such session has been verified').waitFor();
    assert.equal((await node.request('POST', '/api/admin/run-session-processor?processor=verification')).status, 200);

    const said = (await node.get('/api/v1/verification')).json.sessions;
    const rows = await waitCells(page, 'sessions', (found) => found.length === said.length);
    assert.deepEqual(rows.map((r) => [r.session_id.split('\n')[0], r.verdict.slice(2), r.claims_success, r.checks, r.checks_failed]),
        said.map((s) => [s.session_id, s.verdict, s.claims_success ? 'yes' : 'no', String(s.checks), String(s.checks_failed)]));
    assert.deepEqual(said.map((s) => [s.session_id, s.verdict]).sort(), [['broken', 'contradicted'], ['kept', 'verified']]);
    await fits(page, 'verification');

    await page.getByLabel('Verdict').selectOption('contradicted');
    await waitCells(page, 'sessions', (found) => found.length === 1);
    assert.equal(new URL(page.url()).search, '?page=verification&verdict=contradicted');
    await page.getByRole('link', { name: 'broken' }).focus();
    await page.keyboard.press('Enter');
    const one = (await node.get('/api/v1/verification/broken')).json;
    const [check] = await waitCells(page, 'checks', (found) => found.length === one.evidence.length);
    assert.deepEqual([check.kind, check.outcome.slice(2), check.command, check.failed, check.quote, check.line], ['test', 'failed', 'npm test', '1', 'Tests: 1 failed, 3 total', '2 to 3']);
    assert.match(await page.locator('.facts').innerText(), /contradicted\s+Claims success\s+yes\s+Checks\s+1\s+Failed\s+1\s/);
    await fits(page, 'session');
    await page.goBack();
    await waitCells(page, 'sessions', (found) => found.length === 1);
    await page.getByRole('link', { name: 'Usage' }).click(); // what they used is drawn over time
    const [day] = await waitCells(page, 'daily', (found) => found.length === 1);
    assert.deepEqual([day.date, day.messages], ['2026-10-01', '4']);
    assert.ok((await page.getByRole('img', { name: /^Cost by day: Cost/ }).boundingBox()).height > 200);
    assert.deepEqual(complaints, []);
});
