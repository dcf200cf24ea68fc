// Which agents are shown, in which groups and order.  Pure; every figure is the node's.
import { rankOf } from './verdicts.js';

const searched = ['id', 'name', 'vendor', 'session_id', 'cwd', 'repo', 'model', 'specialization', 'server', 'terminal', 'task_id', 'pid'];

function hasWords(agent, words) {
    const text = [...searched.map((key) => agent[key]), agent.liveness?.verdict, agent.liveness?.cause, agent.error_message]
        .filter((part) => part !== null && part !== undefined).join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
}

export function filterAgents(agents, { verdict, vendor, q }) {
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    return agents.filter((agent) => (!verdict || agent.liveness?.verdict === verdict) && (!vendor || agent.vendor === vendor) && hasWords(agent, words));
}

// Larger figures first; those that are not known come last, whichever way.
const byFigure = (key) => (a, b) => (b[key] ?? -1) - (a[key] ?? -1);
// One for all: a comparison that sets up its own takes a hundred times as long.
const { compare } = new Intl.Collator('en', { numeric: true });
const byText = (key) => (a, b) => compare(String(a[key] ?? ''), String(b[key] ?? ''));
const orders = {
    attention: (a, b) => rankOf(a.liveness?.verdict) - rankOf(b.liveness?.verdict),
    name: byText('name'),
    cpu: byFigure('cpu_percent'),
    memory: byFigure('memory_bytes'),
    tokens: byFigure('tokens_per_minute'),
    cost: byFigure('cost_usd'),
};

// Ties by name and then id, so that no row moves without a reason.
export function sortAgents(agents, sort) {
    const steps = [orders[sort], byText('name'), byText('id')];
    return [...agents].sort((a, b) => steps.reduce((order, step) => order || step(a, b), 0));
}

const groupings = {
    session: (agent) => agent.session_id ?? null,
    host: (agent) => agent.server ?? null,
    none: () => null,
};

// [{ id, session, agents }], by id, what belongs nowhere last.  A session without agents is shown too, unless a filter is set.
export function groupAgents(agents, sessions, by, withEmpty) {
    const groups = new Map();
    const group = (id) => groups.get(id) ?? groups.set(id, { id, session: null, agents: [] }).get(id);
    if (by === 'session')
        for (const session of sessions) group(session.id).session = session;
    for (const agent of agents) group(groupings[by](agent)).agents.push(agent);
    if (!withEmpty) for (const { id, agents: members } of [...groups.values()]) if (members.length === 0) groups.delete(id);
    return [...groups.values()].sort((a, b) => (a.id === null) - (b.id === null) || compare(String(a.id), String(b.id)));
}

// Rows that say the same as before are the same object, so that nothing is drawn again for them.
export function reuseRows(before, after, key = 'id') {
    const known = new Map(before.map((row) => [row[key], row]));
    const kept = after.map((row) => {
        const old = known.get(row[key]);
        return old && JSON.stringify(old) === JSON.stringify(row) ? old : row;
    });
    return kept.length === before.length && kept.every((row, i) => row === before[i]) ? before : kept;
}

// The last `length` readings of each agent; null where one is not known.  Agents that are gone are forgotten.
export function noteHistory(history, agents, key, length = 30) {
    return new Map(agents.map((agent) => [agent.id, [...(history.get(agent.id) ?? []), agent[key] ?? null].slice(-length)]));
}
