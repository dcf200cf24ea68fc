// collector.test.mjs -- POST /api/admin/run-session-collector over homes of other users (spec 60 T11).
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, chownSync, existsSync, linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { binary, prepareNode, temporaryFolder } from '../lib/node.mjs';
import { waitUntil } from '../lib/wait.mjs';

const asRoot = process.getuid() === 0;
const uids = { ada: 3001, bob: 3002, cy: 3003 }; // nobody's, on a machine that is set up as usual
const sum = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
const line = (n) => JSON.stringify({ type: 'user', uuid: `u${n}`, message: { role: 'user', content: `hello ${n}` } }) + '\n';

// A file with its folders, all of them that user's.
function put(homes, user, below, text) {
    const file = path.join(homes, user, below);
    let dir = path.join(homes, user);
    for (const part of [null, ...path.dirname(below).split('/')]) {
        if (part) dir = path.join(dir, part);
        if (!existsSync(dir)) mkdirSync(dir, { mode: 0o700, recursive: true });
        if (asRoot) chownSync(dir, uids[user], uids[user]);
    }
    writeFileSync(file, text, { mode: 0o600 });
    if (asRoot) chownSync(file, uids[user], uids[user]);
    return file;
}

function prepare(t, more = '') {
    const dir = temporaryFolder(t);
    chmodSync(dir, 0o755);
    const homes = path.join(dir, 'homes'), root = path.join(dir, 'collected');
    mkdirSync(homes);
    const node = prepareNode(t, { dir, config: `sessions { homes = { "${homes}/*" } data_root = "${root}" ${more} }` });
    const collect = async (headers) => node.post('/api/admin/run-session-collector', {}, headers);
    const details = async () => {
        const r = await collect();
        assert.equal(r.status, 200, r.text);
        assert.equal(r.json.ok, true);
        return r.json.details;
    };
    return { node, homes, root, collect, details, at: (...p) => path.join(root, ...p) };
}

test('T11: transcripts of all agent CLIs are copied byte for byte, by user; what has not changed is not copied again', async (t) => {
    const c = prepare(t);
    const files = [
        put(c.homes, 'ada', '.claude/projects/-w/one.jsonl', line(1) + line(2)),
        put(c.homes, 'ada', '.codex/sessions/2026/11/28/rollout-x.jsonl', line(3)),
        put(c.homes, 'ada', '.codex/archived_sessions/rollout-y.jsonl.zst', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 255])),
        put(c.homes, 'bob', '.gemini/tmp/abc/chats/session.jsonl', line(4) + 'half a line'),
    ];
    put(c.homes, 'bob', '.claude/projects/-w/notes.txt', 'no transcript');
    put(c.homes, 'cy', 'documents/x.jsonl', 'nor is this one');
    await c.node.start();
    const first = await c.details();
    assert.deepEqual([first.homes, first.scanned, first.copied, first.unchanged, first.errors, first.refused], [3, 4, 4, 0, 0, 0]);
    assert.deepEqual(first.users.map((u) => [u.user, u.scanned, u.copied]), [['ada', 3, 3], ['bob', 1, 1]]);
    assert.equal(first.bytes, files.reduce((all, f) => all + statSync(f).size, 0));
    assert.deepEqual(readdirSync(c.root).sort(), ['ada', 'bob']);
    assert.deepEqual(readdirSync(c.at('ada')).filter((n) => !n.startsWith('.')).sort(), ['one.jsonl', 'rollout-x.jsonl', 'rollout-y.jsonl.zst']);
    for (const f of files) assert.equal(sum(c.at(f.startsWith(path.join(c.homes, 'ada')) ? 'ada' : 'bob', path.basename(f))), sum(f));
    const inode = statSync(c.at('ada', 'one.jsonl')).ino;
    const second = await c.details();
    assert.deepEqual([second.copied, second.unchanged], [0, 4]);
    assert.equal(statSync(c.at('ada', 'one.jsonl')).ino, inode);
    assert.equal(statSync(c.at('ada', 'one.jsonl')).mode & 0o777, 0o600);
});

test('T11: a file that grew, was cut, replaced, or is as old and as long as before but another, is copied again; one that vanished keeps its copy', async (t) => {
    const c = prepare(t);
    const names = ['grown', 'cut', 'replaced', 'gone', 'still'];
    const [grown, cut, replaced, gone] = names.map((n) => put(c.homes, 'ada', `.claude/projects/-w/${n}.jsonl`, line(n) + line(n)));
    await c.node.start();
    await c.details();
    appendFileSync(grown, line(9));
    truncateSync(cut, line('cut').length);
    const { atime, mtime } = statSync(replaced);
    put(c.homes, 'ada', '.claude/projects/-w/new', line('REPLACED') + line('REPLACED'));
    renameSync(path.join(path.dirname(replaced), 'new'), replaced);
    utimesSync(replaced, atime, mtime);
    rmSync(gone);
    const d = await c.details();
    assert.deepEqual([d.scanned, d.copied, d.unchanged], [4, 3, 1]);
    for (const f of [grown, cut, replaced]) assert.equal(sum(c.at('ada', path.basename(f))), sum(f));
    assert.equal(readFileSync(c.at('ada', 'gone.jsonl'), 'utf8'), line('gone') + line('gone'));
    // A copy that somebody cut is made again.
    truncateSync(c.at('ada', 'still.jsonl'), 3);
    assert.equal((await c.details()).copied, 1);
});

test('T11: sessions of one name do not overwrite each other, and keep their names', async (t) => {
    const c = prepare(t);
    const places = ['.claude/projects/-a/S.jsonl', '.claude/projects/-b/S.jsonl', '.codex/sessions/S.jsonl'];
    const files = places.map((p, i) => put(c.homes, 'ada', p, line(i)));
    await c.node.start();
    assert.equal((await c.details()).copied, 3);
    const copies = () => readdirSync(c.at('ada')).filter((n) => n.endsWith('.jsonl')).sort();
    const names = copies();
    assert.equal(names.length, 3);
    assert.deepEqual(names.map((n) => sum(c.at('ada', n))).sort(), files.map(sum).sort());
    appendFileSync(files[1], line('more'));
    put(c.homes, 'ada', '.claude/projects/-0/S.jsonl', line('sorts first'));
    assert.equal((await c.details()).copied, 2);
    for (const n of names) assert.ok(copies().includes(n));
    assert.equal(copies().length, 4);
});

test('T11: nothing outside a home is read through it: links out, pipes, hard links to others\' files, whole folders', { skip: !asRoot && 'needs root' }, async (t) => {
    const c = prepare(t, 'max_file = "64K"');
    const secret = path.join(c.homes, '..', 'secret.jsonl');
    writeFileSync(secret, 'secret\n', { mode: 0o600 });
    mkdirSync(path.join(c.homes, '..', 'outside'));
    writeFileSync(path.join(c.homes, '..', 'outside', 'far.jsonl'), 'secret\n');
    put(c.homes, 'ada', '.claude/projects/-w/good.jsonl', line(1));
    const dir = path.join(c.homes, 'ada/.claude/projects/-w');
    symlinkSync(secret, path.join(dir, 'absolute.jsonl'));
    symlinkSync('../../../../../secret.jsonl', path.join(dir, 'relative.jsonl'));
    symlinkSync(path.join(c.homes, '..', 'outside'), path.join(dir, 'folder'));
    symlinkSync('/proc/self/environ', path.join(dir, 'proc.jsonl'));
    symlinkSync('.', path.join(dir, 'loop'));
    symlinkSync('good.jsonl', path.join(dir, 'twice.jsonl'));
    linkSync(secret, path.join(dir, 'hard.jsonl'));
    execFileSync('mkfifo', [path.join(dir, 'pipe.jsonl')]);
    put(c.homes, 'ada', '.claude/projects/-w/large.jsonl', 'x'.repeat(65537));
    symlinkSync(path.join(c.homes, 'ada'), path.join(c.homes, 'dora')); // a home that is a link
    put(c.homes, 'bob', 'elsewhere/projects/-w/inside.jsonl', line(2)); // a link that stays inside is followed
    symlinkSync('elsewhere', path.join(c.homes, 'bob/.claude'));
    await c.node.start();
    const d = await c.details();
    assert.deepEqual(readdirSync(c.root).sort(), ['ada', 'bob']);
    assert.deepEqual(readdirSync(c.at('ada')).filter((n) => !n.startsWith('.')), ['good.jsonl']);
    assert.deepEqual(readdirSync(c.at('bob')).filter((n) => !n.startsWith('.')), ['inside.jsonl']);
    assert.deepEqual(d.users.find((u) => u.user === 'ada').refused, { link: 4, special: 1, foreign: 1, too_large: 1, too_many: 0 });
    assert.equal(d.homes, 2);
});

const asBob = ['setpriv', `--reuid=${uids.bob}`, `--regid=${uids.bob}`, '--clear-groups', '--'];
const bobCanRun = asRoot && spawnSync(asBob[0], [...asBob.slice(1), binary, '--version']).status === 0;

test('T11: a home that cannot be read is counted and named, and the others are collected', { skip: !bobCanRun && 'needs root, and a build that others may read' }, async (t) => {
    const c = prepare(t);
    put(c.homes, 'ada', '.claude/projects/-w/a.jsonl', line(1));
    put(c.homes, 'bob', '.claude/projects/-w/b.jsonl', line(2));
    execFileSync('chown', ['-R', `${uids.bob}`, c.node.dir, '--from=0']);
    await c.node.start({ wrapper: asBob });
    const d = await c.details();
    assert.deepEqual(d.users.map((u) => [u.user, u.copied]), [['ada', 0], ['bob', 1]]);
    assert.equal(d.unreadable_homes, 1);
    assert.equal(d.errors_detail.length, 1);
    assert.equal(d.errors_detail[0].user, 'ada');
    assert.match(d.errors_detail[0].error, /homes\/ada cannot be read: Permission denied/);
});

test('T11: respond-async answers 202 and a run to follow; a second one meanwhile is busy; both are in the audit log', async (t) => {
    const c = prepare(t);
    for (let i = 0; i < 40; i++) put(c.homes, 'ada', `.claude/projects/-w/s${i}.jsonl`, line(i).repeat(40_000));
    await c.node.start();
    const r = await c.collect({ prefer: 'respond-async' });
    assert.equal(r.status, 202);
    assert.equal(r.headers.location, `/api/v1/operations/${r.json.run_id}`);
    const busy = await c.collect();
    assert.ok(busy.status === 409 || (await c.node.get(r.headers.location)).json.state === 'done', busy.text);
    const done = await waitUntil(async () => {
        const now = (await c.node.get(r.headers.location)).json;
        return now.state !== 'running' && now;
    }, 'the end of the run');
    assert.equal(done.state, 'done');
    assert.equal(done.result.copied, 40);
    const audit = await waitUntil(async () => {
        const rows = (await c.node.get('/api/v1/audit?limit=1000')).json.entries.filter((e) => e.action === 'POST /api/admin/run-session-collector');
        return rows.length >= 2 && rows;
    }, 'two rows of the audit log');
    assert.equal(audit[0].result, 'success');
    if (busy.status === 409) assert.equal(audit[1].result, 'busy');
    const [end] = await waitUntil(async () => {
        const rows = (await c.node.get('/api/v1/audit?limit=1000')).json.entries.filter((e) => e.action === 'END /api/admin/run-session-collector');
        return rows.length && rows;
    }, 'the end of the run in the audit log');
    const { data_root: _, users: __, errors_detail: ___, ...counts } = done.result;
    assert.deepEqual(end.details, counts);
    const again = await c.collect();
    const { details } = (await waitUntil(async () => {
        const rows = (await c.node.get('/api/v1/audit?limit=1000')).json.entries.filter((e) => e.action === 'POST /api/admin/run-session-collector' && e.details?.homes);
        return rows.length && rows;
    }, 'the counts of a run that was waited for')).at(-1);
    assert.deepEqual([details.scanned, details.copied, details.unchanged], [40, 0, 40]);
    assert.equal(again.status, 200);
    const metrics = (await c.node.get('/metrics', { accept: 'text/plain' })).text;
    assert.match(metrics, /^muster_collector_files_total 40$/m);
});

test('T11: killed at any moment, a node leaves no half file under a final name, and the next run completes', async (t) => {
    const c = prepare(t);
    const files = [];
    for (let i = 0; i < 12; i++) files.push(put(c.homes, 'ada', `.claude/projects/-w/s${i}.jsonl`, line(i).repeat(20_000)));
    const sums = new Map(files.map((f) => [path.basename(f), sum(f)]));
    const copies = () => (existsSync(c.at('ada')) ? readdirSync(c.at('ada')) : []);
    for (let round = 0; round < 4; round++) {
        await c.node.start();
        const before = copies().length;
        void c.collect({ prefer: 'respond-async' }).catch(() => {});
        await waitUntil(() => copies().length > before || copies().filter((n) => n.endsWith('.jsonl')).length === 12, 'a copy under way');
        await c.node.crash();
        for (const name of copies().filter((n) => !n.startsWith('.'))) assert.equal(sum(c.at('ada', name)), sums.get(name), name);
    }
    await c.node.start();
    await c.details();
    assert.deepEqual(copies().filter((n) => n.startsWith('.tmp-')), []);
    for (const [name, s] of sums) assert.equal(sum(c.at('ada', name)), s);
});

test('T11: a file that grows while it is copied is whole up to some moment, and the next run has the rest', async (t) => {
    const c = prepare(t);
    const file = put(c.homes, 'ada', '.claude/projects/-w/live.jsonl', line(0).repeat(50_000));
    await c.node.start();
    let over = false;
    const writer = (async () => {
        for (let i = 0; !over; i++) {
            appendFileSync(file, line(i));
            await new Promise(setImmediate);
        }
    })();
    for (let i = 0; i < 5; i++) {
        await c.details();
        const copy = readFileSync(c.at('ada', 'live.jsonl'));
        assert.ok(copy.equals(readFileSync(file).subarray(0, copy.length)));
    }
    over = true;
    await writer;
    await c.details();
    assert.equal(sum(c.at('ada', 'live.jsonl')), sum(file));
});

test('T11: a data root that cannot be written is said, with the key to set', async (t) => {
    const c = prepare(t);
    put(c.homes, 'ada', '.claude/projects/-w/a.jsonl', line(1));
    writeFileSync(c.root, 'a file');
    await c.node.start();
    const r = await c.collect();
    assert.equal(r.status, 500);
    assert.match(r.json.detail, /cannot be written: .*sessions\.data_root/);
});
