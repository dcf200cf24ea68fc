// browser.mjs -- Debian's Chromium with a fresh profile, and the console in it.
//
// Whatever a page does that it may not is noted: messages of its console, errors, requests that leave the node.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { atEnd } from './cleanup.mjs';
import { temporaryFolder } from './node.mjs';
import { deadline, waitUntil } from './wait.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--no-first-run', '--no-default-browser-check', '--disable-dev-shm-usage', '--force-color-profile=srgb'];

// Gone when the test ends; its profile too.
export async function startBrowser(t) {
    const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
    if (!executablePath) throw new Error('there is no chromium; tools/setup test installs it');
    const home = temporaryFolder(t, 'muster-chromium-');
    const browser = await chromium.launch({
        executablePath, headless: true, args: quiet, timeout: deadline(60_000), env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, XDG_CONFIG_HOME: path.join(home, 'config') },
    });
    atEnd(t, () => browser.close());
    return browser;
}

// A tab of its own: { page, complaints }.
export async function openTab(t, browser, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
    atEnd(t, () => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(deadline(20_000));
    const complaints = [];
    const origins = new Set();
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => origins.add(new URL(request.url()).origin));
    return { page, complaints, origins };
}

const POLL_MS = 100; // a browser that is asked without a pause gets nothing else done

export const phase = (page) => page.locator('.connection').getAttribute('data-phase');
export const waitPhase = (page, wanted) => waitUntil(async () => (await phase(page)) === wanted, `the console to be ${wanted}`, 30_000, POLL_MS);

export async function openConsole(page, node, search = '/') {
    await page.goto(node.url + search, { timeout: deadline(30_000) });
    await waitPhase(page, 'live');
}

// [{ id, cells: { column: { text, tip } } }], as a reader finds them.
export const rows = (page) => page.$$eval('tbody tr[data-id]', (all) => all.map((tr) => ({
    id: tr.dataset.id,
    group: tr.parentElement.dataset.group,
    cells: Object.fromEntries([...tr.cells].map((td) => [td.dataset.column, { text: td.innerText.replace(/\s+/g, ' ').trim(), tip: td.title }])),
})));
export const waitRows = (page, predicate, what) => waitUntil(async () => {
    const found = await rows(page);
    if (predicate(found)) return found;
    throw new Error(JSON.stringify(found).slice(0, 2000));
}, what, 30_000, POLL_MS);

// The cells of a list's rows, by column.
export const waitCells = (page, list, predicate) => waitUntil(async () => {
    const found = await page.$$eval(`[data-list="${list}"] tbody tr`, (all) => all.map((tr) => Object.fromEntries([...tr.cells].map((td) => [td.dataset.column, td.innerText.trim()]))));
    return predicate(found) && found;
}, `the list of ${list}`, 30_000, POLL_MS);

// What axe-core finds wrong, one line each, by all its rules, best practices too, or by those named.
export async function accessibilityFaults(page, rules) {
    await page.evaluate(axe);
    const options = { resultTypes: ['violations'], ...(rules && { runOnly: rules }) };
    const { violations } = await page.evaluate((o) => globalThis.axe.run(document, o), options);
    return violations.map((v) => `${v.id} (${v.impact}): ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`);
}
