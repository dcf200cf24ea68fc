// The corporate memory: what sessions have taught, and what people decide about it (spec 60 V2).
import { figure, linked, marked, Mark, plain, ticking } from './columns.jsx';
import { away, instant, percent, text } from './format.js';
import { Facts } from './lists.jsx';
import { defaults, printQuery } from './query.js';
import { Table } from './table.jsx';

export const decisions = { pending: ['wait', '◆'], approved: ['good', '○'], rejected: ['calm', '■'] };

const pathOf = (item) => `/api/v1/knowledge/${item.id}`;
const share = (n) => percent(n === null ? null : n * 100);

function Decide({ item, act }) {
    const button = (verb, decided) => item.status !== decided && (
        <button type="button" aria-label={`${verb}: ${item.title}`} onClick={() => act('POST', `${pathOf(item)}/${verb.toLowerCase()}`)}>{verb}</button>
    );
    return <span class="acts">{button('Approve', 'approved')}{button('Reject', 'rejected')}</span>;
}

export const knowledge = [
    linked('title', 'About', 'fact', { idOf: (item) => String(item.id), nameOf: (item) => item.title, subOf: (item) => item.kind }),
    marked('status', 'Status', decisions), plain('content', 'What it says', { print: (item) => ({ node: <span class="two">{text(item.content)}</span> }) }),
    figure('confidence', 'Confidence', share), figure('evidence_count', 'Sessions that say so'),
    { key: 'contradicts', title: 'Contradicts', end: true, print: (item) => item.contradicts.join(', ') || text(null) }, ticking('updated_at', 'Changed', away),
    { key: 'decide', title: 'Decide', print: (item, { act }) => ({ node: <Decide item={item} act={act} /> }) },
];

const evidence = [
    plain('user', 'User'), plain('session', 'Session'), plain('kind', 'Kind'), plain('quote', 'In their words', { print: (row) => ({ node: <span class="two">{text(row.quote)}</span> }) }),
    plain('at', 'At', { print: (row) => instant(row.at) }),
];

function Others({ ids, go }) {
    if (ids.length === 0) return text(null);
    return ids.map((id, i) => {
        const query = { ...defaults, page: 'fact', id: String(id) };
        return <>{i > 0 && ', '}<a key={id} href={printQuery(query)} onClick={(e) => go(e, query)}>{id}</a></>;
    });
}

// What is being typed stays while the item is looked at again, until somebody has changed it.
function Edit({ item, act }) {
    const submit = (event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        act('PATCH', pathOf(item), { title: form.get('title').trim(), content: form.get('content').trim() });
    };
    return (
        <form key={`${item.id} ${item.updated_at}`} class="edit" onSubmit={submit}>
            <label>About <input name="title" defaultValue={item.title} required /></label>
            <label>What it says <textarea name="content" rows="3" defaultValue={item.content} required /></label>
            <button type="submit">Save</button>
        </form>
    );
}

export function Fact({ data, lists, now, go, act }) {
    const item = data.fact?.json;
    if (!item) return null;
    return (
        <>
            <div class="thing"><h2>{text(item.title)}</h2><span class="sub">{item.kind}</span></div>
            <p><Mark word={item.status} families={decisions} /> <Decide item={item} act={act} /></p>
            <p class="said">{text(item.content)}</p>
            <Facts facts={[
                ['Confidence', share(item.confidence)], ['Sessions that say so', item.evidence_count], ['Contradicts', <Others ids={item.contradicts} go={go} />], ['Known since', away(item.created_at, now)],
                ['Decided', away(item.decided_at, now)], ['By', item.decided_by],
            ]} />
            <section aria-labelledby="edit"><h3 id="edit">Say it better</h3><Edit item={item} act={act} /></section>
            <section aria-labelledby="list-evidence" data-list="evidence">
                <h3 id="list-evidence">Where it was said</h3>
                <Table label="Where it was said" columns={evidence} groups={[{ id: 'evidence', head: null, rows: lists.evidence }]} idOf={(row) => row.id} context={{ now, go }} />
            </section>
        </>
    );
}
