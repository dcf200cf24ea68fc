// The pages of a node: each names the lists of the API that it shows, and their columns.  A further page is a row.
import { Agent } from './agent.jsx';
import { figure, linked, marked, Mark, plain, ticking } from './columns.jsx';
import { Fleet } from './fleet.jsx';
import { age, away, cost, count, instant, seconds, shortPath, span, text, yesNo } from './format.js';
import { decisions, Fact, knowledge } from './knowledge.jsx';
import { apiPath } from './query.js';
import { seriesOf } from './series.js';
import { familyOf } from './verdicts.js';

const jobStates = { queued: ['wait', '◆'], running: ['busy', '●'], done: ['calm', '○'], failed: ['trouble', '▲'], cancelled: ['unknown', '■'] };
const breakerStates = { closed: ['calm', '○'], half_open: ['wait', '◆'], open: ['trouble', '▲'] };
const workerStates = { ok: ['busy', '●'], stale: ['trouble', '▲'], unknown: ['unknown', '?'] };
const scheduleStates = { waiting: ['calm', '○'], running: ['busy', '●'], paused: ['wait', '◆'] };

const profiles = [
    plain('name', 'Profile'), plain('served_by', 'Served by'), figure('running', 'Running'), figure('max_concurrency', 'Slots'),
    { key: 'paused', title: 'Paused', print: (row) => yesNo(row.paused) },
    marked('state', 'Breaker', breakerStates), figure('consecutive_failures', 'Failures in a row'), ticking('retry_at', 'Tries again', away), figure('trips', 'Trips'),
];
const jobs = [
    figure('id', 'Job', text), marked('state', 'State', jobStates), plain('agent', 'Profile'), figure('task_id', 'Task', text), plain('stage', 'Stage'),
    { key: 'repo', title: 'Repo', tip: (row) => row.repo, print: (row) => shortPath(row.repo) }, plain('model', 'Model'),
    { key: 'attempts', title: 'Attempt', end: true, print: (row) => `${row.attempts} of ${row.max_attempts}` },
    ticking('created_at', 'Waits since', age), ticking('started_at', 'Started', away), ticking('finished_at', 'Ended', away),
    plain('cause', 'Cause', { print: (row) => text(row.cause ?? row.last_error) }),
];
const beatAge = (row) => (row.last_heartbeat_ts === null ? null : new Date(row.last_heartbeat_ts * 1000).toISOString());
const workers = [
    plain('name', 'Worker'), marked('status', 'Status', workerStates), ticking('last_heartbeat_ts', 'Last heartbeat', away, beatAge), figure('window_s', 'Stale after', span),
    figure('restarts', 'Restarts'), { key: 'flapping', title: 'Flapping', print: (row) => yesNo(row.flapping) }, plain('instance', 'Instance'),
];
const schedules = [
    plain('name', 'Schedule'), marked('state', 'State', scheduleStates), plain('when', 'When'), plain('zone', 'Zone'), ticking('next_due', 'Next', away),
    ticking('last_run', 'Last', away), plain('last_status', 'Result'), figure('last_duration_us', 'Took', (us) => seconds(us === null ? null : us / 1e6)), figure('consecutive_failures', 'Failures in a row'), plain('last_error', 'Error'),
];
const usage = (key, title) => [
    plain(key, title), figure('input_tokens', 'Input'), figure('output_tokens', 'Output'), figure('cache_read_tokens', 'Cache read'), figure('cache_creation_tokens', 'Cache written'),
    figure('total_tokens', 'All tokens'), figure('messages', 'Messages'), figure('cost_usd', 'Cost', cost),
];
const usageList = (key, list, title) => ({
    name: list, title, source: list, idOf: key, columns: usage(key, title.replace('By ', '').replace(/^./, (c) => c.toUpperCase())),
    rowsOf: (json) => [...json[list]].sort((a, b) => (key === 'date' ? (a[key] < b[key] ? 1 : -1) : b.total_tokens - a.total_tokens)),
    empty: 'No transcript of an agent has been found.',
});

const proofs = { verified: ['good', '○'], unverified: ['wait', '◆'], contradicted: ['trouble', '▲'] };
const outcomes = { passed: ['good', '○'], failed: ['trouble', '▲'], unknown: ['unknown', '?'] };
const verification = [
    linked('session_id', 'Session', 'session', { idOf: (s) => s.session_id, nameOf: (s) => s.session_id, subOf: (s) => s.agent }),
    marked('verdict', 'Verdict', proofs), { key: 'claims_success', title: 'Claims success', print: (s) => yesNo(s.claims_success) },
    figure('checks', 'Checks'), figure('checks_failed', 'Failed'), figure('edits', 'Edits'), { key: 'edited_since', title: 'Edited since', print: (s) => yesNo(s.edited_since) }, figure('turns', 'Turns'),
    ticking('last_at', 'Last turn', away), ticking('verified_at', 'Looked at', away), plain('session_file', 'Transcript', { print: (s) => shortPath(s.session_file) }),
];
const checks = [
    plain('kind', 'Check'), marked('outcome', 'Outcome', outcomes), plain('command', 'Command', { print: (c) => ({ node: <span class="two">{text(c.command)}</span> }) }), figure('passed', 'Passed'), figure('failed', 'Failed'),
    plain('quote', 'Its own words', { print: (c) => ({ node: <span class="two">{text(c.quote)}</span> }) }), plain('at', 'At', { print: (c) => instant(c.at) }),
    { key: 'line', title: 'Lines of the transcript', end: true, print: (c) => [c.use_line, c.result_line].filter((n) => n !== null).join(' to ') },
];
const sessionFacts = ({ session }, now) => {
    const s = session?.json ?? {};
    return [
        ['Verdict', s.verdict && <Mark word={s.verdict} families={proofs} />], ['Claims success', yesNo(s.claims_success)], ['Checks', s.checks], ['Failed', s.checks_failed], ['Edits', s.edits],
        ['Edited since the last that passed', yesNo(s.edited_since)], ['Turns', s.turns], ['Last turn', away(s.last_at, now)],
    ];
};
function SessionHead({ data: { session } }) {
    const { session_id: id, agent, session_file: file } = session?.json ?? {};
    return <div class="thing"><h2>{text(id)}</h2><span class="sub">{[agent, file].filter(Boolean).join(' · ')}</span></div>;
}

const jobCounts = ({ status }) => {
    const { jobs: by = {}, max_concurrency: slots, live_runs: runs, paused } = status?.json ?? {};
    return [['Queued', by.queued], ['Running', by.running], ['Failed', by.failed], ['Done', by.done], ['Live runs', runs], ['Slots', slots], ['Paused', yesNo(paused)]];
};
const totals = ({ daily }) => {
    const { totals: sum = {}, unpriced_models: unpriced } = daily?.json ?? {};
    return [['Cost', cost(sum.cost_usd)], ['Tokens', count(sum.total_tokens)], ['Messages', count(sum.messages)], ['Models without a price', unpriced ? unpriced.length : null]];
};

const pages = [
    {
        name: 'fleet', title: 'Fleet', component: Fleet,
        sourcesOf: () => ({ agents: '/api/v1/agents?limit=10000', sessions: '/api/v1/sessions' }),
        lists: [
            { name: 'agents', source: 'agents', rowsOf: (json) => json.agents, idOf: 'id' },
            { name: 'sessions', source: 'sessions', rowsOf: (json) => json.sessions, idOf: 'id' },
        ],
    },
    {
        name: 'agent', title: 'Agent', under: 'fleet', component: Agent,
        sourcesOf: ({ id }) => ({ agent: `/api/v1/agents/${encodeURIComponent(id)}` }),
        lists: [{ name: 'history', source: 'agent', rowsOf: (json) => json.history ?? [], idOf: 'since' }],
    },
    {
        name: 'queue', title: 'Queue', facts: jobCounts,
        sourcesOf: () => ({ status: '/api/v1/status', profiles: '/api/v1/profiles', jobs: '/api/v1/jobs?order=newest&limit=200' }),
        lists: [
            { name: 'profiles', source: 'profiles', title: 'Profiles', rowsOf: (json) => json.profiles.map((p) => ({ ...p, ...p.breaker })), idOf: 'name', columns: profiles, empty: 'No agent is configured: an agent block in muster.conf makes a profile.' },
            { name: 'jobs', source: 'jobs', title: 'Jobs, the newest 200', rowsOf: (json) => json.jobs, idOf: 'id', columns: jobs, empty: 'No job has been queued yet.' },
        ],
    },
    {
        name: 'workers', title: 'Workers', sourcesOf: () => ({ workers: '/api/v1/workers' }),
        lists: [{ name: 'workers', source: 'workers', title: 'Roll call', rowsOf: (json) => json.workers, idOf: 'name', columns: workers, empty: 'No worker is expected and none has been heard of.' }],
    },
    {
        name: 'schedules', title: 'Schedules', sourcesOf: () => ({ schedules: '/api/v1/schedules' }),
        lists: [{ name: 'schedules', source: 'schedules', title: 'Schedules', rowsOf: (json) => json.schedules, idOf: 'name', columns: schedules, empty: 'No scheduler has reported a schedule.' }],
    },
    {
        name: 'usage', title: 'Usage', facts: totals,
        chart: ({ daily }) => ({
            title: 'Cost by day', print: cost, timeTitle: 'Day', timeName: (at) => new Date(at * 1000).toISOString().slice(0, 10),
            ...seriesOf(daily.map((row) => ({ bucket: row.date, key: null, cost_usd: row.cost_usd })), 'day', 'cost_usd', 'Cost'),
        }),
        sourcesOf: () => ({ daily: '/api/v1/usage?group=day', models: '/api/v1/usage?group=model', projects: '/api/v1/usage?group=project' }),
        lists: [usageList('date', 'daily', 'By day'), usageList('model', 'models', 'By model'), usageList('project', 'projects', 'By project')],
    },
    {
        name: 'verification', title: 'Verification', filters: [{ name: 'verdict', label: 'Verdict', options: [['', 'all'], ...Object.keys(proofs).map((word) => [word, word])] }],
        sourcesOf: (query) => ({ sessions: apiPath('/api/v1/verification', { limit: 200, verdict: query.verdict }, query.after) }),
        lists: [{
            name: 'sessions', source: 'sessions', title: 'Sessions', rowsOf: (json) => json.sessions, idOf: 'session_file', columns: verification,
            nextOf: (json) => (json?.next ? `${new URLSearchParams({ after: json.next })}` : ''), empty: 'No such session has been verified: the processor verification reads transcripts when its schedule is due.',
        }],
    },
    {
        name: 'session', title: 'Session', under: 'verification', head: SessionHead, facts: sessionFacts,
        sourcesOf: ({ id }) => ({ session: `/api/v1/verification/${encodeURIComponent(id)}` }),
        lists: [{ name: 'checks', source: 'session', title: 'What it ran to check its work', rowsOf: (json) => json.evidence.map((c) => ({ ...c, id: `${c.use_line} ${c.use_block} ${c.number}` })), idOf: 'id', columns: checks, empty: 'Nothing: no test, no linter, no build.' }],
    },
    {
        name: 'memory', title: 'Memory', filters: [{ name: 'state', label: 'Status', options: [['', 'all'], ...Object.keys(decisions).map((word) => [word, word])] }],
        sourcesOf: (query) => ({ items: apiPath('/api/v1/knowledge', { limit: 200, status: query.state }, query.after) }),
        lists: [{ name: 'items', source: 'items', title: 'What sessions have taught', rowsOf: (json) => json.items, idOf: 'id', columns: knowledge, empty: 'Nothing of this kind. Durable facts are looked for once memory.endpoint and memory.model of the configuration name a model.' }],
    },
    {
        name: 'fact', title: 'Fact', under: 'memory', component: Fact, sourcesOf: ({ id }) => ({ fact: `/api/v1/knowledge/${encodeURIComponent(id)}` }),
        lists: [{ name: 'evidence', source: 'fact', rowsOf: (json) => json.evidence.map((row) => ({ ...row, id: `${row.user} ${row.session}` })), idOf: 'id' }],
    },
];

export const node = {
    name: 'node', title: 'muster', pages,
    signIn: <>This node asks for a token. <code>muster tokens create --role viewer</code> on its host makes one.</>,
    newsOf: (type, data) => {
        if (type !== 'event.agent.verdict') return null;
        const { agent_name: name, to, cause } = JSON.parse(data);
        return familyOf(to) === 'trouble' ? `${name}: ${to}. ${cause}` : null;
    },
};
