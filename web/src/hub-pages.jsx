// The pages of a hub: instances, how they stand to their licences, usage over all of them (spec 80 H9 to H14).
import { figure, linked, marked, plain, ticking, Mark } from './columns.jsx';
import { age, away, cost, count, instant, seconds, span, text } from './format.js';
import { apiPath, choices } from './query.js';
import { bucketName, seriesOf, usageFrom } from './series.js';

const PAGE = 200;
const COMPLIANCE_PAGE = 100; // each is judged by a month of hours, at every look
const USAGE_PAGE = 1000;

const states = { reporting: ['busy', '●'], late: ['wait', '◆'], silent: ['trouble', '▲'], enrolled: ['calm', '○'] };
const findings = {
    clone: ['trouble', '▲'], rewind: ['trouble', '▲'], gap: ['wait', '◆'], overlap: ['wait', '◆'], discontinuity: ['wait', '◆'], epoch: ['calm', '○'],
};
const counted = [['clone', 'clones'], ['rewind', 'rewinds'], ['gap', 'gaps'], ['overlap', 'overlaps'], ['discontinuity', 'discontinuities'], ['epoch', 'epochs']];
const standings = {
    ok: ['good', '○'], over: ['trouble', '▲'], expired: ['trouble', '▲'], expiring: ['wait', '◆'], silent: ['wait', '◆'], unlicensed: ['unknown', '?'],
};
const any = (words) => [['', 'all'], ...words.map((word) => [word, word])];

// -- instances --

const nameOf = linked('name', 'Instance', 'instance', { idOf: (i) => i.instance_id, nameOf: (i) => i.name, subOf: (i) => [i.instance_id, i.group].filter(Boolean).join(' · ') });
const online = (i) => (i.agents_total === null ? text(null) : `${i.agents_online} of ${i.agents_total}`);
function Found({ instance }) {
    const found = counted.filter(([, plural]) => instance[plural] > 0);
    if (found.length === 0) return text('none');
    return found.map(([kind, plural]) => <><Mark key={kind} word={`${kind} ${instance[plural]}`} families={{ [`${kind} ${instance[plural]}`]: findings[kind] }} /> </>);
}

const instances = [
    nameOf, marked('state', 'State', states), ticking('last_report_at', 'Last report', away),
    { key: 'found', title: 'Found', print: (i) => ({ node: <span class="two"><Found instance={i} /></span> }) },
    ticking('window_end', 'Reported up to', away),
    { key: 'agents', title: 'Agents online', end: true, print: online },
    figure('servers_total', 'Servers'), figure('reports', 'Reports'), plain('version', 'Version'), plain('platform', 'Platform'),
];
const gaps = [
    marked('kind', 'Found', findings), plain('window_start', 'From', { print: (row) => instant(row.window_start) }), plain('window_end', 'To', { print: (row) => instant(row.window_end) }), figure('first_no', 'First window', text), figure('last_no', 'Last window', text),
    ticking('found_at', 'Seen', away), plain('epoch', 'Epoch'), plain('detail', 'Detail', { print: (row) => ({ node: <span class="two">{text(row.detail)}</span> }) }),
];
const findingsOfAll = [nameOf, ...gaps];
const hubFacts = ({ status }) => {
    const { instances: all, instances_silent: silent, version, uptime_seconds: up } = status?.json ?? {};
    return [['Instances', all], ['Silent', silent], ['Version of the hub', version], ['Up', span(up)]];
};
const instanceFacts = ({ instance }, now) => {
    const i = instance?.json ?? {};
    return [
        ['State', i.state && <Mark word={i.state} families={states} />], ['Last report', away(i.last_report_at, now)], ['Next one at the latest', away(i.expected_by, now)],
        ['Silent since', i.silent_since && age(i.silent_since, now)], ['Interval', seconds(i.interval_seconds)], ['Reported up to', instant(i.window_end)], ['Window', i.window_no], ['Reports', count(i.reports)],
        ['Agents online', i.instance_id ? online(i) : null], ['Servers', i.servers_total], ['Up', span(i.uptime_seconds)], ['Version', i.version], ['Platform', i.platform], ['Enrolled', away(i.created_at, now)], ['Epoch', i.epoch],
    ];
};
function InstanceHead({ data: { instance } }) {
    const { name, instance_id: id, group } = instance?.json ?? {};
    return <div class="thing"><h2>{text(name)}</h2><span class="sub">{[id, group].filter(Boolean).join(' · ')}</span></div>;
}

// -- compliance --

const reason = (i) => {
    if (i.problem) return i.problem;
    if (i.state === 'unlicensed') return 'no licence';
    if (i.state === 'silent') return 'no report for three intervals';
    if (i.grace_for) return `${i.grace_for}, within grace`;
    return i.figure_of && i.limit !== null ? `${i.figure} of ${i.limit} ${i.figure_of}` : text(null);
};
const compliance = [
    nameOf, marked('state', 'Licence', standings), ticking('since', 'Since', age),
    { key: 'reason', title: 'Reason', tip: reason, print: (i) => ({ node: <span class="two">{reason(i)}</span> }) },
    figure('figure', 'Peak', text), figure('p95', 'p95', text), figure('limit', 'Limit', text), plain('figure_of', 'Of'),
    ticking('grace_until', 'Grace ends', away), ticking('expires_at', 'Expires', away), plain('licence_id', 'Licence id'),
    figure('last_agents', 'Agents last', text), figure('last_servers', 'Servers last', text), ticking('silent_since', 'Silent', age),
];

// -- usage --

const titles = {
    cost_usd: 'Cost', tasks: 'Tasks', runs: 'Runs', input_tokens: 'Input tokens', output_tokens: 'Output tokens', reports: 'Reports', peak_agents: 'Most agents', peak_servers: 'Most servers',
};
const tasks = [figure('tasks', 'Tasks'), figure('avg_duration_ms', 'Mean duration', (ms) => seconds(ms === null ? null : ms / 1000))];
const tokens = [
    figure('runs', 'Runs'), figure('input_tokens', 'Input'), figure('output_tokens', 'Output'), figure('cache_read_tokens', 'Cache read'),
    figure('cache_creation_tokens', 'Cache written'), figure('cost_usd', 'Cost', cost),
];
const peaks = [figure('peak_agents', 'Most agents'), figure('peak_servers', 'Most servers')];
// A model has no tasks, and a kind of task no tokens.
const figuresBy = { '': [...tasks, ...tokens, ...peaks], instance: [...tasks, ...tokens, ...peaks], type: tasks, status: tasks, model: tokens };
const capital = (word) => word[0].toUpperCase() + word.slice(1);
const usage = ({ bucket, by }) => [
    { key: 'bucket', title: `${capital(bucket)} (UTC)`, tip: (row) => row.bucket, print: (row) => bucketName(row.bucket, bucket) },
    ...(by ? [plain('key', capital(by))] : []), figure('reports', 'Reports'), ...figuresBy[by],
];
const usageSources = (query) => {
    const of = { bucket: query.bucket, from: usageFrom(query, new Date()), to: query.to, limit: USAGE_PAGE };
    return {
        rows: apiPath('/api/v1/usage', { ...of, group: query.by }, query.after),
        ...(query.by && { all: apiPath('/api/v1/usage', of) }),
    };
};
const sum = (rows, key) => rows.reduce((total, row) => total + row[key], 0);
const usageFacts = ({ rows, all }) => {
    const whole = all ?? rows;
    if (!whole?.json || whole.next) return [];
    const list = whole.json.rows;
    return [
        ['Cost', cost(sum(list, 'cost_usd'))], ['Tasks', count(sum(list, 'tasks'))], ['Runs', count(sum(list, 'runs'))],
        ['Tokens', count(['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_creation_tokens'].reduce((total, key) => total + sum(list, key), 0))], ['Reports', count(sum(list, 'reports'))],
    ];
};

const pages = [
    {
        name: 'instances', title: 'Instances', facts: hubFacts,
        filters: [
            { name: 'q', label: 'Search', placeholder: 'name or id' }, { name: 'of_group', label: 'Group', placeholder: 'all' },
            { name: 'state', label: 'State', options: any(Object.keys(states)) }, { name: 'finding', label: 'Found', options: any(counted.map(([kind]) => kind)) },
        ],
        sourcesOf: (query) => ({
            status: '/api/v1/status',
            instances: apiPath('/api/v1/instances', { limit: PAGE, q: query.q, group: query.of_group, state: query.state, finding: query.finding }, query.after),
        }),
        lists: [{ name: 'instances', source: 'instances', title: 'Instances', rowsOf: (json) => json.instances, idOf: 'instance_id', columns: instances, empty: 'No such instance is enrolled: muster hub enroll NAME makes one.' }],
    },
    {
        name: 'instance', title: 'Instance', under: 'instances', head: InstanceHead, facts: instanceFacts,
        sourcesOf: ({ id, after }) => ({ instance: `/api/v1/instances/${encodeURIComponent(id)}`, gaps: apiPath(`/api/v1/instances/${encodeURIComponent(id)}/gaps`, { limit: PAGE }, after) }),
        lists: [{ name: 'gaps', source: 'gaps', title: 'What was found in its windows, oldest first', rowsOf: (json) => json.gaps, idOf: 'id', columns: gaps, empty: 'Nothing: no gap, no overlap, no rewind, no clone.' }],
    },
    {
        name: 'findings', title: 'Findings', filters: [{ name: 'finding', label: 'Found', options: any(counted.map(([kind]) => kind)) }],
        sourcesOf: (query) => ({ findings: apiPath('/api/v1/findings', { limit: PAGE, kind: query.finding }, query.after) }),
        lists: [{ name: 'findings', source: 'findings', title: 'What was found in the windows of all instances, newest first', rowsOf: (json) => json.findings, idOf: 'id', columns: findingsOfAll, empty: 'Nothing: no gap, no overlap, no rewind, no clone.' }],
    },
    {
        name: 'compliance', title: 'Compliance',
        filters: [{ name: 'of_group', label: 'Group', placeholder: 'all' }, { name: 'state', label: 'Licence', options: any(Object.keys(standings)) }],
        sourcesOf: (query) => ({ compliance: apiPath('/api/v1/compliance', { limit: COMPLIANCE_PAGE, group: query.of_group, state: query.state }, query.after) }),
        lists: [{ name: 'compliance', source: 'compliance', title: 'Licences', rowsOf: (json) => json.instances, idOf: 'instance_id', columns: compliance, empty: 'None of these instances.' }],
    },
    {
        name: 'usage', title: 'Usage', facts: usageFacts,
        filters: [
            { name: 'bucket', label: 'By', options: choices.bucket.map((b) => [b, b]) }, { name: 'by', label: 'And by', options: [['', 'nothing else'], ...choices.by.map((b) => [b, b])] },
            { name: 'show', label: 'Chart', options: choices.show.map((s) => [s, titles[s]]) }, { name: 'from', label: 'From', type: 'date' }, { name: 'to', label: 'Before', type: 'date' },
        ],
        chart: ({ rows }, { bucket, by, show }) => ({
            title: `${titles[show]} by ${bucket}${by && ` and ${by}`}`, print: show === 'cost_usd' ? cost : count,
            timeTitle: capital(bucket), timeName: (at) => bucketName(new Date(at * 1000).toISOString(), bucket), ...seriesOf(rows, bucket, show, titles[show]),
        }),
        sourcesOf: usageSources,
        lists: [{ name: 'rows', source: 'rows', title: 'Usage', rowsOf: (json) => json.rows.map((row) => ({ ...row, id: `${row.bucket} ${row.key ?? ''}` })).reverse(), idOf: 'id', columnsOf: usage, empty: 'No report covers this time.' }],
    },
];

export const hub = {
    name: 'hub', title: 'muster hub', pages,
    signIn: <>This hub asks for a token: the one in the <code>token_file</code> of its configuration.</>,
    newsOf: (type, data) => {
        const kind = type.replace('event.instance.', '');
        if (kind !== 'silent' && !(kind in findings)) return null;
        const { instance_id: id, detail } = JSON.parse(data);
        return `${id}: ${kind}. ${detail ?? ''}`;
    },
};
