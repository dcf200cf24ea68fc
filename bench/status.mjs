// status.mjs -- the comprehensive status of a session of 1,000 agents against ps over the same pids, and what the look
// at /proc costs while 10,000 processes are there.
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { discovering } from '../tests/lib/node.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { cpuSeconds, daemon, folder, loadCore, median, note, privateMiB, row, spread, startNode, tool } from './measure.mjs';

const agents = 1000;
const processes = 10_000;
const config = (interval) => `fleet { interval = "${interval}" }\nstatus { cache = "0s" }\n`;

function sleepers(program, count) {
    const children = Array.from({ length: count }, () => daemon([program, '100000']));
    return children.map((child) => child.pid);
}

const timed = async (fn) => {
    const start = performance.now();
    await fn();
    return performance.now() - start;
};

// A process that has touched no memory since the last look keeps its proportional size for ten seconds.  This is what it
// costs when nobody's is known: every page table is walked.
async function firstLook(node, status) {
    const first = [];
    for (let i = 0; i < 5; i++) {
        await node.restart();
        await waitUntil(async () => (await node.get('/api/v1/agents/agent-1')).json.evidence?.samples, 'its own first look', 60_000);
        first.push(await timed(status));
    }
    note(`the same when the memory of all ${agents} has to be measured anew: ${spread(first, first).split(' against')[0]} ms`);
}

async function statusAgainstPs() {
    const node = await startNode({ config: config('1h') });
    const pids = sleepers('/bin/sleep', agents);
    for (const [i, pid] of pids.entries()) await node.post('/api/v1/agents', { name: `a${i}`, session_id: 's', process_id: pid });
    const status = async () => {
        const { json } = await node.get('/api/v1/sessions/s/status?strategy=comprehensive');
        if (json.metrics.active_agents !== agents || json.metrics.total_memory_mb === null) throw new Error(JSON.stringify(json.metrics));
    };
    // what ps must read for the same: CPU, resident size, threads, and the state
    const ps = () => tool([...loadCore, 'ps', '-o', 'pid,pcpu,rss,nlwp,stat', '-p', pids.join(',')]);
    await status();
    const ours = [], theirs = [];
    for (let i = 0; i < 15; i++) {
        ours.push(await timed(status));
        theirs.push(await timed(ps));
    }
    row(`session status, comprehensive, ${agents} agents, against ps over the same pids`, 'ms', median(ours), median(theirs), { ratio: '<=', value: 0.5 });
    await firstLook(node, status);
    await node.destroy(); // the processes stay: they are among those of the next rows
}

// CPU of the node per look, and what it holds, with everything there and after it.
async function look() {
    const program = path.join(folder('agents'), 'claude');
    copyFileSync('/bin/sleep', program);
    sleepers('/bin/sleep', processes - 2 * agents);
    sleepers(program, agents);
    const node = await startNode({ env: discovering, config: config('1s') });
    const samples = async () => {
        const { json } = await node.get('/api/v1/agents?limit=10000');
        const mine = json.agents.filter((a) => a.vendor === 'claude');
        if (mine.length < agents) throw new Error(`${mine.length} of ${agents} agents found`);
        return (await node.get(`/api/v1/agents/${mine[0].id}`)).json.evidence.samples;
    };
    const before = await waitUntil(samples, 'all agents to be found', 120_000), cpu = cpuSeconds(node.pid);
    let after = before;
    await waitUntil(async () => (after = await samples()) - before >= 20, '20 looks', 120_000);
    const perLook = (cpuSeconds(node.pid) - cpu) / (after - before) * 1000;
    row(`one look at ${processes} processes, ${agents} of them agents, CPU`, 'ms', perLook, null, { ours: '<', value: 250 });
    row(`the node's private memory beside ${processes} processes, ${agents} of them agents`, 'MiB', privateMiB([node.pid]), null, { ours: '<', value: 32 });
}

export default async function measure() {
    await statusAgainstPs();
    await look();
}
