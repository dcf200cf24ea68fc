// spec 20: jobs from the API to a process and back.
import assert from 'node:assert/strict';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, job, shellAgent, waitJob } from '../lib/agents.mjs';
import { startNode } from '../lib/node.mjs';
import { alive } from '../lib/process.mjs';
import { waitUntil } from '../lib/wait.mjs';

const quick = 'backoff { base = "10ms" cap = "20ms" }';

test('Q3 a job runs, its exit code and output are booked', async (t) => {
    const node = await startNode(t, { config: shellAgent('echo hello; echo oops >&2; exit 0') });
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    const done = await waitJob(node, id, 'done');
    assert.equal(done.attempts, 1);
    assert.equal(done.cause, 'exit 0');
    assert.equal(done.runs.length, 1);
    assert.equal(done.runs[0].exit_code, 0);
    assert.equal(done.runs[0].outcome, 'exited');
    const output = (await node.get(`/api/v1/runs/${done.runs[0].id}/output`)).json;
    assert.deepEqual(output.lines.map((line) => [line.stream, line.text]).sort(), [['stderr', 'oops'], ['stdout', 'hello']]);
});

test('Q6 a failing job is tried max_attempts times and is then failed; retry revives it', async (t) => {
    const node = await startNode(t, { config: shellAgent('exit 7', { more: `max_attempts = 3 breaker { failures = 30 } ${quick}` }) });
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.attempts, 3);
    assert.deepEqual(failed.runs.map((run) => run.exit_code), [7, 7, 7]);
    assert.equal(failed.cause, 'exit 7');
    const metrics = (await node.get('/metrics')).json;
    assert.equal(metrics.queue.counts.failed, 1);
    assert.equal((await node.post(`/api/v1/jobs/${id}/retry`)).status, 200);
    await node.waitFor(async () => (await job(node, id)).runs.length === 6, 'three further attempts');
    await waitJob(node, id, 'failed');
    assert.equal((await node.post(`/api/v1/jobs/${id}/cancel`)).status, 409);
});

test('Q6 an exit code of class fail is not tried again', async (t) => {
    const node = await startNode(t, { config: shellAgent('exit 3', { more: `max_attempts = 5 exit { fail = { 3 } } ${quick}` }) });
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.runs.length, 1);
});

test('Q6 a rate limit gives the attempt back and waits', async (t) => {
    const node = await startNode(t, { config: shellAgent('exit 9', { more: 'max_attempts = 1 exit { rate_limited = { 9 } }' }) });
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    await node.waitFor(async () => (await job(node, id)).runs.some((run) => run.state === 'ended'), 'the first run to end');
    const waiting = await waitJob(node, id, 'queued');
    assert.equal(waiting.attempts, 0);
    assert.ok(Date.parse(waiting.run_after) > Date.now(), `run_after ${waiting.run_after} lies ahead`);
});

test('Q7 a breaker opens after five failures in a row, others go on', async (t) => {
    const config = shellAgent('exit 1', { name: 'bad', more: 'max_attempts = 1 max_concurrency = 1' }) + shellAgent('exit 0', { name: 'good' });
    const node = await startNode(t, { config });
    const bad = [];
    for (let i = 0; i < 7; i++) bad.push((await addJob(node, { agent: 'bad', args: [] })).id);
    const breaker = await node.waitFor(async () => {
        const { queue } = (await node.get('/metrics')).json;
        return queue.breaker.profiles.bad.state === 'open' && queue.breaker;
    }, 'the breaker of "bad" to open');
    assert.equal(breaker.state, 'open');
    assert.equal(breaker.profiles.good.state, 'closed');
    assert.equal(breaker.profiles.bad.trips, 1);
    const { id } = await addJob(node, { agent: 'good', args: [] });
    await waitJob(node, id, 'done');
    const states = await Promise.all(bad.map(async (one) => (await job(node, one)).state));
    assert.ok(states.filter((state) => state === 'failed').length >= 5);
    assert.ok(states.includes('queued'), 'the rest stays queued while it is open');
    await node.restart();
    const after = (await node.get('/metrics')).json.queue.breaker;
    assert.equal(after.profiles.bad.state, 'open', 'it survives a restart');
});

test('Q8 limits in all and per profile hold, pause and resume are durable', async (t) => {
    const config = 'max_concurrency = 3\n' + shellAgent('sleep 1000', { name: 'one', more: 'max_concurrency = 1' }) +
        shellAgent('sleep 1000', { name: 'many' });
    const node = await startNode(t, { config });
    for (let i = 0; i < 3; i++) await addJob(node, { agent: 'one', args: [] });
    for (let i = 0; i < 5; i++) await addJob(node, { agent: 'many', args: [] });
    const running = await node.waitFor(async () => {
        const { agents } = (await node.get('/metrics')).json;
        return agents.length === 3 && agents.every((a) => a.pid) && agents;
    }, 'three running agents');
    assert.equal(running.filter((a) => a.agent === 'one').length, 1);
    assert.equal((await node.post('/api/v1/queue/pause', { reason: 'lunch' })).status, 200);
    await node.restart();
    const jobs = (await node.get('/api/v1/jobs?state=running')).json.jobs;
    assert.equal(jobs.length, 3, 'runs go on over the restart');
    for (const one of jobs) assert.equal((await node.post(`/api/v1/jobs/${one.id}/cancel`)).status, 202);
    for (const one of jobs) await waitJob(node, one.id, 'cancelled');
    assert.equal((await node.get('/metrics')).json.queue.counts.running, 0, 'paused: nothing new starts');
    assert.equal((await node.post('/api/v1/queue/resume')).status, 200);
    await node.waitFor(async () => (await node.get('/metrics')).json.queue.counts.running === 3, 'three more');
});

test('Q4 unique_key and Idempotency-Key act once', async (t) => {
    const node = await startNode(t, { config: shellAgent('sleep 1000') });
    const body = { agent: 'sh', args: [], unique_key: 'nightly' };
    const first = await node.post('/api/v1/jobs', body);
    assert.equal(first.status, 201);
    assert.match(first.headers.location, /^\/api\/v1\/jobs\/\d+$/);
    const second = await node.post('/api/v1/jobs', body);
    assert.equal(second.status, 200);
    assert.equal(second.json.deduped, true);
    assert.equal(second.json.id, first.json.id);
    const keyed = () => node.post('/api/v1/jobs', { agent: 'sh', args: ['x'] }, { 'Idempotency-Key': 'abc' });
    const [a, b] = [await keyed(), await keyed()];
    assert.equal(a.status, 201);
    assert.equal(b.status, 201);
    assert.equal(a.json.id, b.json.id);
    assert.equal(b.headers['idempotent-replayed'], 'true');
    const other = await node.post('/api/v1/jobs', { agent: 'sh', args: ['y'] }, { 'Idempotency-Key': 'abc' });
    assert.equal(other.status, 422);
});

test('Q5 higher priority first, then run_after, then id', async (t) => {
    const node = await startNode(t, { config: 'max_concurrency = 1\n' + shellAgent('echo "$2" >> "$1"') });
    const file = path.join(node.dir, 'order');
    await node.post('/api/v1/queue/pause');
    const add = (word, more) => addJob(node, { agent: 'sh', args: [file, word], ...more });
    const past = (s) => new Date(Date.now() - s * 1000).toISOString();
    await add('e', { run_after: past(10) });
    await add('c', { run_after: past(30) });
    await add('a', { priority: 5 });
    await add('d', { run_after: past(20) });
    const last = await add('f', { priority: -1 });
    await add('b', { run_after: past(40) });
    await node.post('/api/v1/queue/resume');
    await waitJob(node, last.id, 'done');
    assert.equal(readFileSync(file, 'utf8'), 'a\nb\nc\nd\ne\nf\n');
});

test('Q13 cancel ends the agent and tool children with sessions of their own', async (t) => {
    const script = 'setsid sh -c \'echo $$ > "$0"; trap "" TERM INT; while :; do sleep 1; done\' "$1" & wait';
    const node = await startNode(t, { config: shellAgent(script, { more: 'stop { signal = "TERM" grace = "100ms" }' }) });
    const file = path.join(node.dir, 'child');
    const { id } = await addJob(node, { agent: 'sh', args: [file] });
    const child = await waitUntil(() => existsSync(file) && Number(readFileSync(file, 'utf8')), 'the tool child');
    assert.ok(alive(child));
    assert.equal((await node.post(`/api/v1/jobs/${id}/cancel`)).status, 202);
    const cancelled = await waitJob(node, id, 'cancelled');
    assert.equal(cancelled.cause, 'cancelled');
    assert.ok(!alive(child), 'the child is gone when the job is cancelled');
});

test('Q11 a timeout ends the run with its cause', async (t) => {
    const node = await startNode(t, { config: shellAgent('sleep 1000', { more: 'timeout = "200ms" max_attempts = 1 stop { signal = "TERM" grace = "100ms" }' }) });
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.cause, 'timeout');
});

test('Q10 only named variables pass, placeholders fill whole elements, nothing is a shell', async (t) => {
    const config = `agent "show" {
  command = { "/usr/bin/env", "sh", "-c", "printf '%s|' \\"$@\\"; env", "x", "{prompt}", "--model", "{model}", "{effort}" }
  output = "text"
  env_pass = { "PATH", "TOKEN" }
  env = { "FIXED=1" }
}`;
    const node = await startNode(t, { config, env: { TOKEN: 'from-node', SECRET: 'must not pass' } });
    const prompt = '$(touch pwned); `id` "quoted" {model} \\n';
    const { id } = await addJob(node, { agent: 'show', prompt, env: { TOKEN: 'from-job' } });
    const done = await waitJob(node, id, 'done');
    const { lines } = (await node.get(`/api/v1/runs/${done.runs[0].id}/output`)).json;
    const text = lines.map((line) => line.text).join('\n');
    assert.ok(text.startsWith(`${prompt}|`), text);
    assert.ok(!text.includes('--model'), 'an option without its value vanishes');
    assert.ok(text.includes('TOKEN=from-job') && text.includes('FIXED=1'));
    assert.ok(!text.includes('SECRET'));
    const refused = await node.post('/api/v1/jobs', { agent: 'show', prompt: 'x', env: { LD_PRELOAD: '/tmp/x.so' } });
    assert.equal(refused.status, 422);
    assert.equal(refused.json.pointer, '/env/LD_PRELOAD');
});

test('Q1 a workflow drives itself; an exhausted stage blocks its task', async (t) => {
    const config = shellAgent('exit 0', { name: 'good' }) + shellAgent('exit 1', { name: 'bad', more: `max_attempts = 2 ${quick}` }) +
        'workflow "flow" {\n stage "plan" { agent = "good" }\n stage "code" { agent = "good" }\n stage "look" { }\n}\n' +
        'workflow "stuck" {\n stage "plan" { agent = "bad" }\n}\n';
    const node = await startNode(t, { config });
    const task = async (id) => (await node.get(`/api/v1/tasks/${id}`)).json;
    const { id } = (await node.post('/api/v1/tasks', { work_item: 'API-42', workflow: 'flow' })).json;
    const looked = await node.waitFor(async () => {
        const now = await task(id);
        return now.stage === 'look' && now;
    }, 'the task to reach the stage without an agent');
    assert.deepEqual(looked.events.map((event) => event.to_stage), ['plan', 'code', 'look']);
    assert.equal((await node.post(`/api/v1/tasks/${id}/stage`, { stage: 'nowhere' })).status, 422);
    assert.equal((await node.post(`/api/v1/tasks/${id}/stage`, { stage: 'done', reason: 'merged' })).status, 200);
    const back = await node.post(`/api/v1/tasks/${id}/stage`, { stage: 'plan' });
    assert.equal(back.status, 409, 'Q2 a terminal task never comes back');
    const moves = await node.events('/api/v1/events?subject=event.task.>');
    const stuck = (await node.post('/api/v1/tasks', { work_item: 'API-43', workflow: 'stuck' })).json.id;
    const blocked = await node.waitFor(async () => {
        const now = await task(stuck);
        return now.blocked && now;
    }, 'the task to be blocked');
    assert.equal(blocked.stage, 'plan');
    await waitUntil(() => moves.events.some((event) => event.data.task_id === stuck && event.data.blocked), 'an event that says so');
    // A job that is revived blocks its task no more, until it is exhausted again.
    const [exhausted] = (await node.get(`/api/v1/jobs?task_id=${stuck}`)).json.jobs;
    assert.equal((await node.post('/api/v1/queue/pause')).status, 200);
    assert.equal((await node.post(`/api/v1/jobs/${exhausted.id}/retry`)).status, 200);
    assert.deepEqual([(await task(stuck)).blocked, (await task(stuck)).blocked_reason], [false, null]);
    assert.equal((await node.post('/api/v1/queue/resume')).status, 200);
    await node.waitFor(async () => (await task(stuck)).blocked, 'the task to be blocked again');
    moves.close();
    const stages = (await node.get('/metrics')).json.stages;
    assert.deepEqual(stages.map((one) => [one.work_item, one.stage]), [['API-43', 'plan']], 'M6');
});

test('Q2 a late result of a terminal task is recorded and moves nothing', async (t) => {
    const config = shellAgent('until [ -e "$HOME/go" ]; do sleep 0.05; done') + 'workflow "w" {\n stage "plan" { agent = "sh" }\n stage "next" { agent = "sh" }\n}\n';
    const node = await startNode(t, { config });
    const { id } = (await node.post('/api/v1/tasks', { work_item: 'X-1', workflow: 'w' })).json;
    const [first] = await node.waitFor(async () => {
        const { jobs } = (await node.get(`/api/v1/jobs?task_id=${id}&state=running`)).json;
        return jobs.length === 1 && jobs;
    }, 'the first stage to run');
    await node.post(`/api/v1/tasks/${id}/stage`, { stage: 'cancelled' });
    const { writeFileSync } = await import('node:fs');
    writeFileSync(path.join(node.dir, 'home', 'go'), '');
    await waitJob(node, first.id, 'done');
    const task = (await node.get(`/api/v1/tasks/${id}`)).json;
    assert.equal(task.stage, 'cancelled');
    assert.equal((await node.get(`/api/v1/jobs?task_id=${id}`)).json.jobs.length, 1);
});

test('events tell what happened, and a stream resumes', async (t) => {
    const node = await startNode(t, { config: shellAgent('exit 0') });
    const stream = await node.events('/api/v1/events?subject=event.job.>');
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    await waitJob(node, id, 'done');
    await waitUntil(() => stream.events.length >= 3, 'three events');
    const states = stream.events.filter((event) => event.event === 'event.job.state').map((event) => event.data.state);
    assert.deepEqual(states.slice(0, 3), ['queued', 'running', 'done']);
    const again = await node.events('/api/v1/events?subject=event.job.>', { 'Last-Event-ID': stream.events[0].id });
    await waitUntil(() => again.events.length >= 2, 'the rest');
    assert.deepEqual(again.events.slice(0, 2).map((event) => event.data.state), ['running', 'done']);
    stream.close();
    again.close();
});

test('a command that is not there fails its job with a reason', async (t) => {
    const node = await startNode(t, { config: 'agent "gone" {\n command = { "/no/such/program" }\n max_attempts = 1\n}\n' });
    const { id } = await addJob(node, { agent: 'gone' });
    const failed = await waitJob(node, id, 'failed');
    assert.equal(failed.cause, 'start failed');
    assert.match(failed.last_error, /No such file/);
});

// One JSON object that ends without a line feed, as `gemini --output-format json` and `claude --output-format json` print it.
test('r2_unterminated_line: what an agent prints behind its last line feed is read, from both formats of one object', async (t) => {
    const gemini = JSON.stringify({ response: 'done', stats: { models: { 'gemini-2.5-flash': { tokens: { prompt: 1000, cached: 400, candidates: 40, thoughts: 10, tool: 0 } } } } }, null, 2);
    const claude = JSON.stringify({ type: 'result', subtype: 'success', is_error: false, total_cost_usd: 0.5, usage: { input_tokens: 600, output_tokens: 50, cache_read_input_tokens: 400 } });
    const profile = (name, format) => shellAgent('printf %s "$1"', { name, more: 'max_attempts = 1' }).replace('"text"', `"${format}"`);
    const node = await startNode(t, { config: profile('g', 'gemini-json') + profile('c', 'claude-json') });
    for (const [agent, text] of [['g', gemini], ['c', claude]]) {
        const { id } = await addJob(node, { agent, args: [text] });
        const [run] = (await waitJob(node, id, ['done', 'failed'])).runs;
        // 1000 prompt tokens of which 400 were cached; 40 candidates and 10 thoughts.
        assert.deepEqual([run.input_tokens, run.cache_read_tokens, run.output_tokens], [600, 400, 50], agent);
    }
});

// Where this process could make a cgroup below its own, a node that it starts can.
function ownCgroup() {
    const mount = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')).find(([, , type]) => type === 'cgroup2')?.[1];
    const own = readFileSync('/proc/self/cgroup', 'utf8').match(/^0::(\/.*)$/m)?.[1];
    const dir = mount && own && path.join(mount, own);
    try {
        if (!dir || existsSync('/run/systemd/system')) return null;
        accessSync(path.join(dir, 'cgroup.procs'), constants.W_OK);
        accessSync(dir, constants.W_OK);
        return dir;
    } catch {
        return null;
    }
}

test('Q11 Q13 a run has a cgroup of its own where the kernel lets us, and it is gone with the run', async (t) => {
    const parent = ownCgroup();
    if (!parent) return t.skip('NOT TESTED: no cgroup v2 here that may be written');
    const node = await startNode(t, { config: shellAgent('cat /proc/self/cgroup; setsid sleep 1000 & exit 0') });
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    const [run] = (await waitJob(node, id, 'done')).runs;
    const { lines } = (await node.get(`/api/v1/runs/${run.id}/output`)).json;
    const name = lines.map((line) => line.text.match(/^0::.*\/(muster-[0-9a-f]{32})$/)?.[1]).find(Boolean);
    assert.ok(name, JSON.stringify(lines));
    assert.ok(!existsSync(path.join(parent, name)));
});
