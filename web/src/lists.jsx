// A page that is tables, with what stands over them: what each shows is said by its columns (pages.jsx, hub-pages.jsx).
import { Chart } from './chart.jsx';
import { Filters, Pager } from './controls.jsx';
import { text } from './format.js';
import { Table } from './table.jsx';

export function Facts({ facts }) {
    return (
        <dl class="facts">
            {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value !== null && typeof value === 'object' ? value : text(value)}</dd></div>)}
        </dl>
    );
}

export function Lists({ page, query, onQuery, go, act, lists, data, now }) {
    return (
        <>
            {page.filters && <Filters filters={page.filters} query={query} onQuery={onQuery} />}
            {page.head?.({ data, now, go })}
            {page.facts && <Facts facts={page.facts(data, now)} />}
            {page.chart && <Chart {...page.chart(lists, query)} />}
            {page.lists.map(({ name, title, source, idOf, columns, columnsOf, nextOf, empty }) => (
                <section key={name} aria-labelledby={`list-${name}`} data-list={name}>
                    <h2 id={`list-${name}`}>{title}</h2>
                    {lists[name].length === 0 ? <p class="empty">{empty}</p>
                        : <Table label={title} columns={columns ?? columnsOf(query)} groups={[{ id: name, head: null, rows: lists[name] }]} idOf={(row) => row[idOf] ?? ''} context={{ now, go, act }} />}
                    <Pager title={title} next={nextOf ? nextOf(data[source]?.json) : data[source]?.next} query={query} go={go} />
                </section>
            ))}
        </>
    );
}
