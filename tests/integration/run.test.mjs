// spec 20 Q15: `muster run` wraps any command as a run, in the foreground, with or without a node.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, shellAgent } from '../lib/agents.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { binary, environmentFor, muster, prepareNode, startNode } from '../lib/node.mjs';
import { alive, kill, stat, tree } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const always = 'metrics { freshness = "0s" }\n';
const runsOf = async (node, query = '') => (await node.get(`/api/v1/runs?${query}`)).json.runs;
const until = (file) => `until [ -e "${file}" ]; do sleep 0.02; done`;

// `muster run` in the background: { child, stdout(), stderr(), ended: promise of { code, signal } }.
function start(t, node, args, { env = {}, argv = [binary] } = {}) {
    const child = spawn(argv[0], [...argv.slice(1), ...args], { cwd: node.dir, env: environmentFor(node.dir, { MUSTER_CONFIG: node.configPath, ...env }) });
    let out = '', err = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
    child.stdin.on('error', () => {});
    const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    atEnd(t, () => child.kill('SIGKILL'));
    return { child, ended, stdout: () => out, stderr: () => err };
}

const booked = (node, count) => node.waitFor(async () => {
    const runs = await runsOf(node);
    return runs.length >= count && runs.every((run) => run.state === 'ended') && runs;
}, `${count} runs to be booked`);

test('without a node: the exit code is the command\'s, and the next node books each run once', async (t) => {
    const node = prepareNode(t);
    assert.equal((await muster(['run', '--', 'sh', '-c', 'exit 7'], { node })).code, 7);
    assert.equal((await muster(['run', 'sh', '-c', 'kill -9 $$'], { node })).code, 128 + 9);
    await node.start();
    for (let round = 0; round < 2; round++) {
        const runs = await booked(node, 2);
        assert.deepEqual(runs.map((run) => [run.outcome, run.exit_code, run.signal, run.origin, run.job_id]),
            [['exited', 7, null, 'cli', null], ['signaled', null, 9, 'cli', null]]);
        assert.equal((await node.get('/metrics')).json.cost.aggregate.runs, 2);
        assert.deepEqual(node.runKeys(), [], 'what is booked is put aside');
        await node.crash();
        await node.start();
    }
    await node.stop();
    const doctor = await muster(['doctor'], { node });
    assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr);
});

test('beside a node: it is seen while it runs, and booked once when it ends', async (t) => {
    const node = await startNode(t, { config: always });
    const go = path.join(node.dir, 'go');
    const run = start(t, node, ['run', '--', 'sh', '-c', `echo begun; ${until(go)}; exit 3`]);
    const [live] = await node.waitFor(async () => {
        const runs = await runsOf(node, 'live=true');
        return runs[0]?.pid && runs;
    }, 'the run to be seen');
    assert.deepEqual([live.state, live.origin, live.agent, live.job_id], ['running', 'cli', null, null]);
    assert.equal(live.start_ticks, stat(live.pid).startTicks);
    const agent = await node.waitFor(async () => (await node.get('/api/v1/agents')).json.agents.find((a) => a.run_id === live.id), 'the run to be an agent');
    assert.deepEqual([agent.origin, agent.pid], ['run', live.pid]);
    // spec 30 M8: one entry per running job, and this has none.
    assert.deepEqual((await node.get('/metrics')).json.agents, []);
    writeFileSync(go, '');
    assert.deepEqual(await run.ended, { code: 3, signal: null });
    const [ended] = await booked(node, 1);
    assert.deepEqual([ended.id, ended.exit_code, ended.cause], [live.id, 3, 'exit 3']);
    assert.equal((await node.get('/metrics')).json.cost.aggregate.runs, 1);
});

test('kill -9 of the node under a run: it goes on, and the next node books it once', async (t) => {
    const node = await startNode(t);
    const go = path.join(node.dir, 'go');
    const first = start(t, node, ['run', '--', 'sh', '-c', `${until(go)}; exit 11`]);
    await node.waitFor(async () => (await runsOf(node, 'live=true'))[0]?.pid, 'the run to be seen');
    await node.crash();
    const second = start(t, node, ['run', '--', 'sh', '-c', `${until(go)}; exit 12`]);
    await waitUntil(() => node.runKeys().length === 2, 'the second run to begin');
    writeFileSync(go, '');
    assert.equal((await first.ended).code, 11);
    assert.equal((await second.ended).code, 12);
    await node.start();
    assert.deepEqual((await booked(node, 2)).map((run) => run.exit_code).sort(), [11, 12]);
});

test('bytes pass as they are, in and out, and are recorded', async (t) => {
    const node = await startNode(t);
    const bytes = randomBytes(3 << 20);
    const child = spawn(binary, ['run', 'cat'], { env: environmentFor(node.dir, { MUSTER_CONFIG: node.configPath }) });
    const parts = [];
    child.stdout.on('data', (part) => parts.push(part));
    child.stdin.end(bytes);
    await new Promise((resolve) => child.on('close', resolve));
    assert.ok(Buffer.concat(parts).equals(bytes));
    assert.equal((await booked(node, 1))[0].output_bytes, bytes.length);

    const said = await muster(['run', '--', 'sh', '-c', 'echo out; printf "no end"; echo err >&2'], { node });
    assert.deepEqual(said, { code: 0, signal: null, stdout: 'out\nno end', stderr: 'err\n' });
    const id = (await booked(node, 2)).at(-1).id;
    const { json: { lines } } = await node.get(`/api/v1/runs/${id}/output`);
    assert.deepEqual(lines.filter((line) => line.stream === 'stdout').map((line) => line.text), ['out', 'no end']);
    assert.deepEqual(lines.filter((line) => line.stream === 'stderr').map((line) => line.text), ['err']);
    const shown = await muster(['runs', 'output', String(id)], { node });
    assert.deepEqual([shown.stdout, shown.stderr], ['out\nno end', 'err\n']);
});

test('the command has the caller\'s environment, directory and nothing else', async (t) => {
    const node = prepareNode(t);
    const said = await muster(['run', '--', 'sh', '-c', 'pwd; echo "$A"; echo "${#MUSTER_RUN}"'], { node, env: { A: 'a=b c' }, cwd: '/usr' });
    assert.equal(said.stdout, '/usr\na=b c\n32\n');
});

test('--task ties the run to a task, by its id or its work item', async (t) => {
    const node = await startNode(t);
    const task = async (work_item) => (await node.post('/api/v1/tasks', { work_item, stage: 'plan' })).json.id;
    const [one, , newest] = [await task('API-1'), await task('API-2'), await task('API-2')];
    assert.equal((await muster(['run', '--task', String(one), 'true'], { node })).code, 0);
    assert.equal((await muster(['run', '--task=API-2', 'true'], { node })).code, 0);
    const wrong = await muster(['run', '-t', '999', 'true'], { node });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /there is no task 999/);
    await booked(node, 2);
    assert.deepEqual((await runsOf(node, `task_id=${one}`)).map((run) => run.task_id), [one]);
    assert.deepEqual((await runsOf(node, `task_id=${newest}`)).map((run) => run.task_id), [newest]);
    await node.stop();
    // Nobody can say that there is no such task: the run is booked all the same, without one.
    assert.equal((await muster(['run', '-t', '999', 'sh', '-c', 'exit 4'], { node })).code, 4);
    assert.equal((await muster(['run', '-t', 'nothing', 'sh', '-c', 'exit 5'], { node })).code, 5);
    await node.start();
    const late = (await booked(node, 4)).filter((run) => run.exit_code > 0);
    assert.deepEqual(late.map((run) => run.task_id), [null, null]);
    assert.deepEqual(late.map((run) => run.exit_code).sort(), [4, 5]);
});

test('--agent reads the output as the profile says: tokens and cost are live and booked', async (t) => {
    const usage = { input_tokens: 11, output_tokens: 7, cache_read_input_tokens: 5, cache_creation_input_tokens: 3 };
    const message = JSON.stringify({ type: 'assistant', message: { id: 'msg_1', model: 'claude-sonnet-4-5', role: 'assistant', content: [], usage } });
    const result = JSON.stringify({ type: 'result', subtype: 'success', is_error: false, total_cost_usd: 0.25, usage });
    const config = always + shellAgent('true').replace('"text"', '"claude-stream-json"').replace('"sh"', '"claude"');
    const node = await startNode(t, { config });
    const go = path.join(node.dir, 'go');
    const run = start(t, node, ['run', '--agent', 'claude', 'sh', '-c', `echo '${message}'; ${until(go)}; echo '${result}'`]);
    const live = await node.waitFor(async () => {
        const [first] = await runsOf(node, 'live=true');
        const one = first && (await node.get(`/api/v1/runs/${first.id}`)).json;
        return one?.output_tokens === 7 && one;
    }, 'live tokens');
    assert.deepEqual([live.agent, live.input_tokens, live.cache_read_tokens, live.cache_creation_tokens], ['claude', 11, 5, 3]);
    writeFileSync(go, '');
    assert.equal((await run.ended).code, 0);
    const [ended] = await booked(node, 1);
    assert.deepEqual([ended.cost_usd, ended.input_tokens, ended.output_tokens], [0.25, 11, 7]);
    assert.deepEqual((await node.get('/metrics')).json.cost.aggregate,
        { runs: 1, cost_usd: 0.25, input_tokens: 11, output_tokens: 7, cache_read_tokens: 5, cache_creation_tokens: 3 });
    assert.equal(run.stdout(), `${message}\n${result}\n`);
});

test('what cannot be run is said in one line, with the exit code of a shell', async (t) => {
    const node = prepareNode(t, { config: shellAgent('true', { name: 'claude' }) });
    const refused = async (args, code, message, more = {}) => {
        const said = await muster(['run', ...args], { node, ...more });
        assert.equal(said.code, code, said.stderr);
        assert.match(said.stderr, message);
        assert.equal(said.stderr.trimEnd().split('\n').length, 1, said.stderr);
    };
    await refused(['no-such-command'], 127, /no-such-command/);
    await refused(['/etc/passwd'], 126, /\/etc\/passwd: Permission denied/);
    assert.equal(node.runKeys().length, 2, 'that they did not start is booked');
    await refused([], 2, /COMMAND/);
    await refused(['--agent', 'cloude', 'true'], 2, /no agent "cloude"; did you mean "claude"/);
    await refused(['--timeout', 'soon', 'true'], 2, /timeout/);
    await refused(['true'], 125, /node\.sock|Not a directory/, { env: { MUSTER_DATA_DIR: path.join(node.configPath, 'below') } });
    assert.equal(node.runKeys().length, 2);
    await node.start();
    const runs = await booked(node, 2);
    assert.deepEqual(runs.map((run) => [run.outcome, run.exit_code]), [['start_failed', null], ['start_failed', null]]);
});

test('a run that its shim has not taken yet is never started by the node', async (t) => {
    const node = prepareNode(t);
    const proof = path.join(node.dir, 'ran');
    assert.equal((await muster(['run', '--', 'sh', '-c', `echo x >> "${proof}"`], { node })).code, 0);
    const runs = path.join(node.dataDir, 'runs');
    const [key] = readdirSync(runs);
    const prepared = 'f'.repeat(32);
    await node.start();
    await booked(node, 1);
    mkdirSync(path.join(runs, prepared), { mode: 0o700 });
    copyFileSync(path.join(node.dataDir, 'ended', key, 'spec'), path.join(runs, prepared, 'spec'));
    for (let look = 0; look < 3; look++) assert.equal((await node.post('/api/sync/trigger')).status, 200);
    assert.equal((await runsOf(node)).length, 1);
    assert.equal(readFileSync(proof, 'utf8'), 'x\n');
    assert.ok(existsSync(path.join(runs, prepared, 'spec')), 'it is left to who made it');
});

test('SIGTERM ends the command and all below it', async (t) => {
    const node = await startNode(t);
    const run = start(t, node, ['run', '--', 'sh', '-c', 'setsid sleep 1000 & echo ready; wait']);
    await waitUntil(() => run.stdout().includes('ready'), 'the command to run');
    const below = tree(run.child.pid);
    assert.ok(below.length >= 2);
    kill(run.child.pid, 'SIGTERM');
    assert.equal((await run.ended).code, 128 + 15);
    for (const one of below) assert.ok(!alive(one.pid, one.startTicks), one.comm);
    assert.equal((await booked(node, 1))[0].cause, 'cancelled');
});

test('kill -9 of its shim: booked as lost, and nothing of it survives', async (t) => {
    const node = await startNode(t);
    const run = start(t, node, ['run', '--', 'sh', '-c', 'setsid sleep 1000 & echo ready; wait']);
    await waitUntil(() => run.stdout().includes('ready'), 'the command to run');
    await node.waitFor(async () => (await runsOf(node, 'live=true'))[0]?.pid, 'the run to be seen');
    const below = tree(run.child.pid);
    kill(run.child.pid, 'SIGKILL');
    const [lost] = await booked(node, 1);
    assert.deepEqual([lost.outcome, lost.cause], ['lost', 'shim lost']);
    for (const one of below) assert.ok(!alive(one.pid, one.startTicks), one.comm);
});

// script(1) makes the terminal; what is written to it is typed.
const onTerminal = (t, node, command, env) => start(t, node, ['-qefc', command, '/dev/null'], { argv: ['script'], env: { ...env, M: binary, SHELL: '/bin/sh', TERM: 'xterm' } });

test('on a terminal the command has it: size, keys and exit code', async (t) => {
    const node = prepareNode(t);
    const size = onTerminal(t, node, 'stty rows 33 cols 77; exec "$M" run -- sh -c \'[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && stty size\'');
    await waitUntil(() => size.stdout().includes('33 77'), 'the window\'s size');
    assert.equal((await size.ended).code, 0);

    const keys = onTerminal(t, node, 'exec "$M" run -- sh -c \'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.01; done\'');
    await waitUntil(() => keys.stdout().includes('ready'), 'the command to run');
    keys.child.stdin.write('\x03');
    assert.equal((await keys.ended).code, 9);
    assert.ok(keys.stdout().includes('interrupted'));

    const recorded = onTerminal(t, node, 'exec "$M" run --record sh -c \'[ -t 1 ] || echo piped\'');
    assert.equal((await recorded.ended).code, 0);
    assert.ok(recorded.stdout().includes('piped'));
    await node.start();
    const runs = await booked(node, 3);
    assert.deepEqual(runs.map((run) => run.output_bytes).sort(), [0, 0, 'piped\n'.length]);
});

test('the stop key stops the job, and the shell continues it', async (t) => {
    const node = prepareNode(t);
    const desk = onTerminal(t, node, 'bash --norc --noprofile -i', { PS1: '$ ' });
    desk.child.stdin.write('"$M" run -- sh -c \'echo re""ady; read line; echo "<$line>"; exit 6\'\n');
    await waitUntil(() => desk.stdout().includes('ready'), 'the command to run');
    desk.child.stdin.write('\x1a');
    await waitUntil(() => desk.stdout().includes('Stopped'), 'the shell to see a stopped job');
    desk.child.stdin.write('fg\n');
    await waitUntil(() => desk.stdout().split('run -- sh').length >= 4, 'the shell to continue it');
    desk.child.stdin.write('again\n');
    await waitUntil(() => desk.stdout().includes('<again>'), 'the command to go on');
    desk.child.stdin.write('exit $?\n');
    assert.equal((await desk.ended).code, 6);
});

test('muster runs lists, shows and filters', async (t) => {
    const node = await startNode(t, { config: shellAgent('exit 0') });
    await muster(['run', 'sh', '-c', 'exit 3'], { node });
    await addJob(node, { agent: 'sh', args: [] });
    const [cli] = (await booked(node, 2)).filter((run) => run.origin === 'cli');
    const list = await muster(['runs'], { node });
    assert.equal(list.code, 0, list.stderr);
    assert.equal(list.stdout.trimEnd().split('\n').length, 3);
    const json = JSON.parse((await muster(['runs', 'list', '--agent', 'sh', '--json'], { node })).stdout);
    assert.deepEqual(json.runs.map((run) => run.origin), ['queue']);
    const shown = await muster(['runs', 'show', String(cli.id)], { node });
    assert.match(shown.stdout, /exit code +3/);
    assert.equal((await muster(['runs', 'show', '999'], { node })).code, 1);
});
