// fleet.mjs -- agents that run beside a node, and what the node says of them.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { atEnd } from './cleanup.mjs';
import { kill, stat, tree } from './process.mjs';
import { waitUntil } from './wait.mjs';

// Starts argv in a process group of its own; it and all below it are gone when the test ends.
export async function startAgent(t, argv, { cwd, env, stdio = 'ignore' } = {}) {
    const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio, detached: true });
    const exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    const all = new Set([child.pid]);
    atEnd(t, async () => {
        for (const s of tree(child.pid)) all.add(s.pid);
        for (const pid of all) kill(pid);
        await exited;
    });
    await waitUntil(() => stat(child.pid) !== null, 'the agent to be started');
    return { child, pid: child.pid, exited };
}

// A program that is called like an agent CLI and does what sleep does.
export async function fakeAgent(t, dir, name = 'claude', options = {}) {
    mkdirSync(dir, { recursive: true });
    const file = path.join(dir, name);
    copyFileSync('/bin/sleep', file);
    const agent = await startAgent(t, [file, '600'], { cwd: dir, ...options });
    await waitUntil(() => stat(agent.pid)?.comm === name, 'the agent to run its program');
    return agent;
}

export async function agents(node) {
    return (await node.get('/api/v1/agents')).json.agents;
}
export async function agentOf(node, pid) {
    const found = (await agents(node)).find((a) => a.pid === pid);
    return found && (await node.get(`/api/v1/agents/${found.id}`)).json;
}
export function waitAgent(node, pid, predicate = () => true, what = 'the agent to be listed', ms = 60_000) {
    return node.waitFor(async () => {
        const agent = await agentOf(node, pid);
        if (agent && predicate(agent)) return agent;
        throw new Error(JSON.stringify(agent));
    }, what, ms);
}
export const waitVerdict = (node, pid, ...verdicts) =>
    waitAgent(node, pid, (a) => verdicts.includes(a.liveness?.verdict), `process ${pid} to be ${verdicts.join(' or ')}`);
