// agents.mjs -- agent profiles that are shell scripts, and waiting for jobs.
import { readFileSync, existsSync } from 'node:fs';

// A profile "sh" whose jobs give the script's arguments: $1, $2 ...
export function shellAgent(script, { name = 'sh', more = '' } = {}) {
    const quoted = script.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
    return `agent "${name}" {\n  command = { "sh", "-c", "${quoted}", "agent", "{args}" }\n  output = "text"\n` +
        `  env_pass = { "PATH", "HOME" }\n  ${more}\n}\n`;
}

// Appends "started" to $1, sleeps $2 seconds, ends with code $3.
export const sleeper = 'echo started >> \\"$1\\"; sleep \\"$2\\"; exit \\"$3\\"'.replaceAll('\\"', '"');

export async function addJob(node, body) {
    const answer = await node.post('/api/v1/jobs', body);
    if (answer.status !== 201) throw new Error(`POST /api/v1/jobs: ${answer.status} ${answer.text}`);
    return answer.json;
}

export async function job(node, id) {
    return (await node.get(`/api/v1/jobs/${id}`)).json;
}

export function waitJob(node, id, state, ms) {
    const states = [state].flat();
    return node.waitFor(async () => {
        const now = await job(node, id);
        return states.includes(now.state) && now;
    }, `job ${id} to be ${states.join(' or ')}`, ms);
}

export function countLines(file) {
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
}
