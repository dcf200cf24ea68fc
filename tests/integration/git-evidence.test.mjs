// spec 20 Q16: worktree, branch and what is not committed, as evidence for the dead; and no repository makes the node run
// anything.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { agents, fakeAgent, waitAgent } from '../lib/fleet.mjs';
import { discovering, muster, run, startNode, temporaryFolder } from '../lib/node.mjs';
import { kill } from '../lib/process.mjs';

const quick = 'fleet {\n interval = "100ms"\n}';
const environment = (dir) => ({ PATH: process.env.PATH, HOME: dir, GIT_CONFIG_NOSYSTEM: '1', GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' });

async function git(dir, ...args) {
    const ended = await run(['git', '-C', dir, ...args], { cwd: dir, env: environment(dir) });
    assert.equal(ended.code, 0, `git ${args.join(' ')}: ${ended.stderr}`);
    return ended.stdout.trim();
}

// One commit of three files on the branch `main`.
async function repository(dir, ...options) {
    mkdirSync(dir, { recursive: true });
    await git(dir, 'init', '-q', '-b', 'main', ...options);
    for (const name of ['a', 'b', 'c']) writeFileSync(path.join(dir, name), `${name}\n`);
    await git(dir, 'add', '.');
    await git(dir, 'commit', '-q', '-m', 'first');
    return dir;
}

// What the node says of the working tree once an agent that worked in `dir` has been killed.  Its program is kept apart: it
// would be one more untracked file.
async function leavings(t, node, dir, change) {
    const agent = await fakeAgent(t, temporaryFolder(t), 'claude', { cwd: dir });
    const found = await waitAgent(node, agent.pid, (a) => a.cwd === dir && a.evidence, 'its folder to be known');
    assert.equal(found.evidence.git, null, 'it lives');
    change?.();
    kill(agent.pid);
    const ended = await waitAgent(node, agent.pid, (a) => a.liveness.verdict === 'dead' && (!a.repo || a.evidence.git?.read_at), 'the working tree to be read');
    return ended.evidence.git;
}
const seen = ({ worktree, branch, head, modified_files, untracked_files, cause }) => ({ worktree, branch, head, modified_files, untracked_files, cause });

test('Q16: of an agent that has ended, worktree, branch, commit, modified and untracked files are told; explain shows them', async (t) => {
    const dir = await repository(path.join(temporaryFolder(t), 'repo'));
    const node = await startNode(t, { env: discovering, config: quick });
    mkdirSync(path.join(dir, 'sub'));
    const agent = await fakeAgent(t, temporaryFolder(t), 'claude', { cwd: path.join(dir, 'sub') });
    await waitAgent(node, agent.pid, (a) => a.repo === dir, 'its repository to be known');
    writeFileSync(path.join(dir, 'a'), 'changed\n');
    writeFileSync(path.join(dir, 'b'), 'staged\n');
    await git(dir, 'add', 'b');
    await git(dir, 'mv', 'c', 'renamed'); // a deletion and a new file: 2
    writeFileSync(path.join(dir, 'new file'), '');
    mkdirSync(path.join(dir, 'folder'));
    for (let i = 0; i < 9; i++) writeFileSync(path.join(dir, 'folder', `${i}`), ''); // counts once, as git status prints it
    const index = readFileSync(path.join(dir, '.git', 'index')), written = statSync(path.join(dir, '.git', 'index')).mtimeMs;
    kill(agent.pid);
    const ended = await waitAgent(node, agent.pid, (a) => a.liveness?.verdict === 'dead' && a.evidence?.git?.read_at, 'the files to be counted'); // until it is reaped it is a zombie
    assert.deepEqual(seen(ended.evidence.git), { worktree: dir, branch: 'main', head: (await git(dir, 'rev-parse', 'HEAD')).slice(0, 12), modified_files: 4, untracked_files: 2, cause: null });
    assert.deepEqual(readFileSync(path.join(dir, '.git', 'index')), index);
    assert.equal(statSync(path.join(dir, '.git', 'index')).mtimeMs, written, 'the index is not written');
    const { id } = (await agents(node)).find((a) => a.pid === agent.pid);
    const explained = (await muster(['agents', 'explain', id], { node })).stdout;
    assert.match(explained, /^branch +main$/m);
    assert.match(explained, /^modified files +4$/m);
    assert.match(explained, /^untracked files +2$/m);
});

test('Q16: linked worktrees, detached, unborn and packed heads, and SHA-256 are read', async (t) => {
    const folder = temporaryFolder(t);
    const node = await startNode(t, { env: discovering, config: quick });
    const dir = await repository(path.join(folder, 'repo'));
    const head = (await git(dir, 'rev-parse', 'HEAD')).slice(0, 12);
    await git(dir, 'worktree', 'add', '-q', '-b', 'agents/one', path.join(folder, 'linked'));
    writeFileSync(path.join(folder, 'linked', 'a'), 'other\n');
    assert.deepEqual(seen(await leavings(t, node, path.join(folder, 'linked'))), { worktree: path.join(folder, 'linked'), branch: 'agents/one', head, modified_files: 1, untracked_files: 0, cause: null });
    await git(dir, 'pack-refs', '--all');
    assert.equal((await leavings(t, node, path.join(folder, 'linked'))).head, head);
    await git(dir, 'checkout', '-q', '--detach');
    assert.deepEqual(seen(await leavings(t, node, dir)), { worktree: dir, branch: null, head, modified_files: 0, untracked_files: 0, cause: null });
    const unborn = path.join(folder, 'unborn');
    mkdirSync(unborn);
    await git(unborn, 'init', '-q', '-b', 'begin');
    writeFileSync(path.join(unborn, 'x'), '');
    assert.deepEqual(seen(await leavings(t, node, unborn)), { worktree: unborn, branch: 'begin', head: null, modified_files: 0, untracked_files: 1, cause: null });
    const long = await repository(path.join(folder, 'sha256'), '--object-format=sha256');
    assert.deepEqual([(await leavings(t, node, long)).head], [(await git(long, 'rev-parse', 'HEAD')).slice(0, 12)]);
});

test('Q16: a broken repository, one that is gone and one without git are unknown with their cause, never zero', async (t) => {
    const folder = temporaryFolder(t);
    const node = await startNode(t, { env: discovering, config: quick });
    const broken = await repository(path.join(folder, 'broken'));
    writeFileSync(path.join(broken, '.git', 'index'), 'no index');
    const b = await leavings(t, node, broken);
    assert.deepEqual([b.branch, b.modified_files, b.untracked_files], ['main', null, null]);
    assert.match(b.cause, /^git: .*index/);
    const empty = path.join(folder, 'empty');
    mkdirSync(path.join(empty, '.git'), { recursive: true });
    const e = await leavings(t, node, empty);
    assert.deepEqual([e.worktree, e.branch, e.head, e.modified_files], [empty, null, null, null]);
    assert.match(e.cause, /not a git repository/);
    const none = path.join(folder, 'none');
    mkdirSync(none);
    assert.equal(await leavings(t, node, none), null);
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    const without = await startNode(t, { env: { ...discovering, PATH: bin }, config: quick });
    const repo = await repository(path.join(folder, 'repo'));
    const w = await leavings(t, without, repo);
    assert.deepEqual([w.branch, w.modified_files, w.untracked_files, w.cause], ['main', null, null, 'git is not installed']);
});

test('Q16: many files are counted, however much git writes', async (t) => {
    const dir = path.join(temporaryFolder(t), 'huge');
    const node = await startNode(t, { env: discovering, config: quick });
    await repository(dir);
    for (let i = 0; i < 3000; i++) writeFileSync(path.join(dir, `a file with a rather long name, number ${i}`), '');
    const huge = await leavings(t, node, dir);
    assert.deepEqual([huge.modified_files, huge.untracked_files, huge.cause], [0, 3000, null]);
});

test('Q16: a repository makes nobody run a command: fsmonitor, hooks, filters, includes, ssh, text conversion, submodules', async (t) => {
    const folder = temporaryFolder(t), dir = path.join(folder, 'repo'), proof = path.join(folder, 'proof');
    const node = await startNode(t, { env: discovering, config: quick });
    await repository(dir);
    const evil = path.join(folder, 'evil');
    mkdirSync(proof);
    chmodSync(folder, 0o777);
    chmodSync(proof, 0o777);
    writeFileSync(evil, `#!/bin/sh\ntouch ${proof}/"$1"\ncat\n`, { mode: 0o755 });
    await repository(path.join(folder, 'module'));
    await git(dir, '-c', 'protocol.file.allow=always', 'submodule', 'add', '-q', path.join(folder, 'module'), 'module');
    await git(dir, 'commit', '-q', '-m', 'module');
    const config = `[core]
\tfsmonitor = ${evil} fsmonitor
\thooksPath = ${folder}/hooks
\tsshCommand = ${evil} ssh
\tpager = ${evil} pager
\teditor = ${evil} editor
[filter "one"]
\tclean = ${evil} clean
\tsmudge = ${evil} smudge
\trequired = true
[filter "two=\\"odd\\" name"]
\tprocess = ${evil} process
\trequired = true
[diff "three"]
\ttextconv = ${evil} textconv
\tcommand = ${evil} diff
[status]
\tsubmoduleSummary = true
\tshowUntrackedFiles = all
[diff]
\texternal = ${evil} external
[include]
\tpath = more
[extensions]
\tpartialClone = origin
[remote "origin"]
\turl = ext::${evil} remote
\tpromisor = true
[protocol "ext"]
\tallow = always
`;
    const add = (file, text) => writeFileSync(file, text, { flag: 'a' });
    add(path.join(dir, '.git', 'config'), config);
    add(path.join(dir, '.git', 'more'), `[filter "four"]\n\tclean = ${evil} included\n`);
    add(path.join(dir, '.git', 'modules', 'module', 'config'), config.replaceAll(evil, `${evil} sub`).replace('path = more', ''));
    add(path.join(dir, '.git', 'info', 'attributes'), 'a filter=one diff=three\nb filter=two="odd"\\ name\nc filter=four\n');
    add(path.join(dir, 'module', '.gitattributes'), '* filter=one\n');
    mkdirSync(path.join(folder, 'hooks'));
    for (const hook of ['post-index-change', 'post-checkout', 'fsmonitor-watchman']) writeFileSync(path.join(folder, 'hooks', hook), `#!/bin/sh\ntouch ${proof}/hook\n`, { mode: 0o755 });
    // of the same size, so that git has to compare the contents, and for that to clean them
    const change = () => {
        for (const name of ['a', 'b', 'c', 'module/a']) writeFileSync(path.join(dir, name), 'X\n');
    };
    const left = await leavings(t, node, dir, change);
    assert.deepEqual(readdirSync(proof), []);
    assert.deepEqual([left.branch, left.modified_files, left.cause], ['main', 3, null]);
    // and the proof is one: git by itself runs what the configuration names
    for (const options of [[], ['-c', 'core.fsmonitor=false']]) await run(['git', '-C', dir, ...options, 'status'], { cwd: dir, env: environment(dir) });
    const ran = readdirSync(proof);
    assert.ok(ran.includes('fsmonitor') && ran.some((name) => ['clean', 'process', 'included'].includes(name)), ran.join());
});

test('Q16: root counts with the rights of the repository\'s owner', { skip: process.getuid() !== 0 && 'only root changes an owner' }, async (t) => {
    const folder = temporaryFolder(t), dir = path.join(folder, 'repo');
    chmodSync(folder, 0o755);
    await repository(dir);
    const give = (file) => {
        chownSync(file, 65534, 65534);
        if (statSync(file).isDirectory()) for (const name of readdirSync(file)) give(path.join(file, name));
    };
    give(dir);
    writeFileSync(path.join(dir, 'untracked'), '');
    mkdirSync(path.join(dir, 'secret'), { mode: 0o700 });
    writeFileSync(path.join(dir, 'secret', 'x'), '');
    const node = await startNode(t, { env: discovering, config: quick });
    const left = await leavings(t, node, dir);
    assert.deepEqual(seen(left), { ...seen(left), branch: 'main', modified_files: 0, untracked_files: 1, cause: null });
    assert.ok(!existsSync(path.join(dir, '.git', 'index.lock')));
});

test('Q16: a registered agent that gets another process is looked at again', async (t) => {
    const node = await startNode(t, { env: discovering, config: quick });
    const first = await fakeAgent(t, temporaryFolder(t), 'worker'), second = await fakeAgent(t, temporaryFolder(t), 'worker');
    const { id } = (await node.post('/api/v1/agents', { name: 'a', session_id: 's', process_id: first.pid })).json;
    const verdict = (wanted) => node.waitFor(async () => {
        const { json } = await node.get(`/api/v1/agents/${id}`);
        return json.liveness?.verdict === wanted && json;
    }, wanted);
    const looked = (pid) => node.waitFor(async () => {
        const { json } = await node.get(`/api/v1/agents/${id}`);
        return json.pid === pid && json.evidence?.samples > 0 && json;
    }, `a look at ${pid}`);
    await looked(first.pid);
    kill(first.pid);
    await verdict('dead');
    await node.request('PUT', `/api/v1/agents/${id}/heartbeat`, { process_id: second.pid });
    assert.equal((await looked(second.pid)).status, 'active');
});
