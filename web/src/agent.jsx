// One agent: the verdict, the evidence that it came from, and those before it, in the node's words (spec 00 Liveness).
import { ticking, plain } from './columns.jsx';
import { age, away, bytes, clock, cost, count, instant, percent, seconds, text, yesNo } from './format.js';
import { Facts } from './lists.jsx';
import { defaults, printQuery } from './query.js';
import { Table } from './table.jsx';
import { Badge, verdictColumn } from './verdict-badge.jsx';

// What is known of it, group by group: [title, what it is read from, [[name, value(part, now)]]]
const groups = [
    ['What it is', (a) => a, [
        ['Started by', (a) => a.origin], ['Agent CLI', (a) => a.vendor], ['Model', (a) => a.model], ['Process', (a) => a.pid], ['Terminal', (a) => a.terminal], ['Host', (a) => a.server],
        ['Folder', (a) => a.cwd], ['Repo', (a) => a.repo], ['Run', (a) => a.run_id], ['Task', (a) => a.task_id], ['Known since', (a, now) => age(a.created_at, now)],
        ['Last heartbeat', (a, now) => away(a.last_heartbeat, now)], ['Last activity', (a, now) => away(a.last_activity, now)], ['Error', (a) => a.error_message],
    ]],
    ['What it uses', (a) => a, [
        ['CPU', (a) => percent(a.cpu_percent)], ['Memory', (a) => bytes(a.memory_bytes)], ['Input tokens', (a) => count(a.input_tokens)], ['Output tokens', (a) => count(a.output_tokens)],
        ['Tokens / min', (a) => count(a.tokens_per_minute)], ['Cost', (a) => cost(a.cost_usd)],
    ]],
    ['Process', (a) => a.evidence, [
        ['State', (e) => e.process_state], ['Age', (e) => seconds(e.age_s)], ['CPU ticks', (e) => e.cpu_ticks], ['CPU quiet for', (e) => seconds(e.cpu_quiet_s)], ['Tools below it', (e) => e.tools], ['Tool', (e) => e.tool],
        ['In the foreground', (e) => yesNo(e.foreground)], ['Orphaned', (e) => yesNo(e.orphaned)],
    ]],
    ['Connections', (a) => a.evidence, [
        ['Established', (e) => e.connections_established], ['Half closed', (e) => e.connections_close_wait], ['Received', (e) => bytes(e.received_bytes)],
        ['Last received', (e) => seconds(e.last_received_s)], ['Nothing received for', (e) => seconds(e.received_quiet_s)],
    ]],
    ['Standard input', (a) => a.evidence, [['Is', (e) => e.stdin], ['Held open', (e) => yesNo(e.stdin_held_open)], ['Reads it', (e) => yesNo(e.reads_stdin)]]],
    ['Transcript', (a) => a.evidence, [
        ['Turn', (e) => e.turn], ['Size', (e) => bytes(e.transcript_bytes)], ['Quiet for', (e) => seconds(e.transcript_quiet_s)], ['Same tool calls', (e) => e.same_tool_calls],
        ['Retries', (e) => yesNo(e.retries)], ['Limit reached', (e) => yesNo(e.limit_reached)],
    ]],
    ['Its own words', (a) => a.evidence, [['Reported', (e) => e.reported], ['Reason', (e) => e.reported_reason]]],
    ['Working tree', (a) => a.evidence?.git, [
        ['Branch', (g) => g.branch], ['Commit', (g) => g.head?.slice(0, 12)], ['Modified files', (g) => g.modified_files], ['Untracked files', (g) => g.untracked_files], ['Not counted', (g) => g.cause],
    ]],
    ['The looks', (a) => a.evidence, [['Last look', (e, now) => age(e.sampled_at, now)], ['Looks', (e) => e.samples], ['Not charged to it', (e) => seconds(e.credited_s)]]],
];
const before = [verdictColumn('verdict', 'Verdict', (row) => row.verdict), plain('since', 'Since', { print: (row) => instant(row.since) }), ticking('ago', 'Ago', age, (row) => row.since), plain('cause', 'Cause', { print: (row) => ({ node: <span class="two">{text(row.cause)}</span> }) })];

function Verdict({ liveness, status, now }) {
    if (!liveness) return <p class="empty">There is no verdict: nothing of it can be seen from here. Its status is {status}.</p>;
    return (
        <div class="judged">
            <p><Badge verdict={liveness.verdict} /> <span class="sub-inline">{age(liveness.since, now)}{liveness.until && `, until ${clock(liveness.until)}`}{liveness.waits_for && `; waits for: ${liveness.waits_for}`}</span></p>
            <p class="cause">{text(liveness.cause)}</p>
        </div>
    );
}

function SessionLink({ id, go }) {
    const query = { ...defaults, page: 'session', id };
    return <a href={printQuery(query)} onClick={(e) => go(e, query)}>what its session claimed and ran</a>;
}

export function Agent({ data, lists: { history }, now, go }) {
    const agent = data.agent?.json;
    if (!agent) return null;
    return (
        <>
            <div class="thing">
                <h2>{text(agent.name)}</h2>
                <span class="sub">{[agent.id, agent.specialization, agent.session_id].filter(Boolean).join(' · ')}{agent.agent_session && <> · <SessionLink id={agent.agent_session} go={go} /></>}</span>
            </div>
            <Verdict liveness={agent.liveness} status={agent.status} now={now} />
            <div class="evidence">
                {groups.map(([title, partOf, facts]) => {
                    const part = partOf(agent);
                    return part && (
                        <section key={title} aria-label={title} data-group={title}>
                            <h3>{title}</h3>
                            <Facts facts={facts.map(([name, valueOf]) => [name, valueOf(part, now)])} />
                        </section>
                    );
                })}
            </div>
            <section aria-labelledby="list-history" data-list="history">
                <h3 id="list-history">Verdicts before this one</h3>
                {history.length === 0 ? <p class="empty">None: it has been so since it was first seen.</p>
                    : <Table label="Verdicts before this one" columns={before} groups={[{ id: 'history', head: null, rows: history }]} idOf={(row) => `${row.since} ${row.verdict}`} context={{ now }} />}
            </section>
        </>
    );
}
