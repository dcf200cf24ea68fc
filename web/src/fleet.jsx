// The fleet: one row per agent, in groups, with what the node says of each (spec 95 Console).
import { useMemo } from 'preact/hooks';
import { linked } from './columns.jsx';
import { Choice } from './controls.jsx';
import { filterAgents, groupAgents, sortAgents } from './fleet-rows.js';
import { UNKNOWN, age, bytes, clock, cost, count, percent, shortPath, text } from './format.js';
import { choices } from './query.js';
import { sparkPath } from './sparkline.js';
import { Table } from './table.jsx';
import { Badge } from './verdict-badge.jsx';
import { verdicts } from './verdicts.js';

const SPARK = { width: 60, height: 18 };

function Spark({ readings }) {
    return (
        <svg class="spark" viewBox={`0 0 ${SPARK.width} ${SPARK.height}`} width={SPARK.width} height={SPARK.height} aria-hidden="true">
            <path d={sparkPath(readings ?? [], SPARK.width, SPARK.height)} />
        </svg>
    );
}

const waits = (agent) => {
    const { waits_for: whom, until } = agent.liveness ?? {};
    return until ? `${text(whom)} until ${clock(until)}` : text(whom);
};

const columns = [
    linked('name', 'Agent', 'agent', { idOf: (a) => a.id, nameOf: (a) => a.name, subOf: (a) => [a.vendor ?? UNKNOWN, a.origin, a.specialization].filter(Boolean).join(' · ') }),
    { key: 'verdict', title: 'Verdict', ages: (a, { now }) => age(a.liveness?.since, now), tip: (a) => a.liveness?.since && `since ${a.liveness.since}`,
      print: (a, { now }) => ({ node: <><Badge verdict={a.liveness?.verdict} /><span class="sub">{a.liveness ? age(a.liveness.since, now) : a.status}</span></> }) },
    { key: 'cause', title: 'Cause', tip: (a) => a.liveness?.cause ?? a.error_message, print: (a) => ({ node: <span class="two">{text(a.liveness?.cause ?? a.error_message)}</span> }) },
    { key: 'waits_for', title: 'Waits for', print: waits },
    { key: 'task', title: 'Task', end: true, print: (a) => text(a.task_id) },
    { key: 'repo', title: 'Repo or folder', tip: (a) => a.repo ?? a.cwd, print: (a) => shortPath(a.repo ?? a.cwd) },
    { key: 'model', title: 'Model', tip: (a) => a.model, print: (a) => text(a.model) },
    { key: 'cpu', title: 'CPU', end: true,
      print: (a, { history }) => ({ node: <span class="cpu"><Spark readings={history.get(a.id)} /><span>{percent(a.cpu_percent)}</span></span> }) },
    { key: 'memory', title: 'Memory', end: true, print: (a) => bytes(a.memory_bytes) },
    { key: 'tokens', title: 'Tokens / min', end: true, print: (a) => count(a.tokens_per_minute) },
    { key: 'cost', title: 'Cost', end: true, print: (a) => cost(a.cost_usd) },
];

function GroupHead({ group, by }) {
    const { session, agents } = group;
    const name = session?.session_name ?? group.id ?? (by === 'host' ? 'host not known' : 'no session');
    const agentsText = `${agents.length} ${agents.length === 1 ? 'agent' : 'agents'}`;
    return (
        <span class="group-head">
            <span class="main">{name}</span>
            {session && <span class={`health ${session.session_health}`}>{session.session_health}</span>}
            {session && <span class="sub">score {session.health_score} of 100</span>}
            <span class="sub">{agentsText}</span>
        </span>
    );
}

function FleetFilters({ query, agents, onQuery }) {
    const vendors = [...new Set([...agents.map((a) => a.vendor), query.vendor].filter(Boolean))].sort();
    return (
        <form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
            <label>Search
                <input type="search" name="q" value={query.q} placeholder="name, folder, model, cause" onInput={(e) => onQuery({ q: e.currentTarget.value })} />
            </label>
            <Choice label="Verdict" name="verdict" value={query.verdict} options={[['', 'all'], ...verdicts.map(([v]) => [v, v])]} onChange={onQuery} />
            <Choice label="Vendor" name="vendor" value={query.vendor} options={[['', 'all'], ...vendors.map((v) => [v, v])]} onChange={onQuery} />
            <Choice label="Group by" name="group" value={query.group} options={choices.group.map((g) => [g, g])} onChange={onQuery} />
            <Choice label="Order" name="sort" value={query.sort} options={choices.sort.map((s) => [s, s])} onChange={onQuery} />
        </form>
    );
}

export function Fleet({ query, onQuery, go, lists: { agents, sessions }, history, now }) {
    const filtered = Boolean(query.q || query.verdict || query.vendor);
    // Not again when only the clock has moved.
    const { shown, groups } = useMemo(() => {
        const shown = sortAgents(filterAgents(agents, query), query.sort);
        return { shown, groups: groupAgents(shown, sessions, query.group, !filtered).map((group) => ({
            id: group.id, rows: group.agents, head: query.group === 'none' ? null : <GroupHead group={group} by={query.group} />,
        })) };
    }, [agents, sessions, query]);
    return (
        <>
            <FleetFilters query={query} agents={agents} onQuery={onQuery} />
            <p class="counts" role="status">{filtered ? `${shown.length} of ${agents.length} agents` : `${agents.length} ${agents.length === 1 ? 'agent' : 'agents'}`}</p>
            {agents.length === 0 && <p class="empty">No agent is known to this node. One that starts on this host appears within seconds.</p>}
            {groups.length > 0 && <Table label="Agents" columns={columns} groups={groups} idOf={(a) => a.id} context={{ now, history, go }} extraOf={(a) => history.get(a.id)} />}
        </>
    );
}
