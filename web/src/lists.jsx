// A page that is tables alone: what each shows is said by its columns (pages.jsx).
import { text } from './format.js';
import { Table } from './table.jsx';

export function Lists({ page, lists, data, now }) {
    return (
        <>
            {page.facts && (
                <dl class="facts">
                    {page.facts(data).map(([title, value]) => <div key={title}><dt>{title}</dt><dd>{text(value)}</dd></div>)}
                </dl>
            )}
            {page.lists.map(({ name, title, idOf, columns, empty }) => (
                <section key={name} aria-labelledby={`list-${name}`} data-list={name}>
                    <h2 id={`list-${name}`}>{title}</h2>
                    {lists[name].length === 0 ? <p class="empty">{empty}</p>
                        : <Table label={title} columns={columns} groups={[{ id: name, head: null, rows: lists[name] }]} idOf={(row) => row[idOf] ?? ''} context={{ now }} />}
                </section>
            ))}
        </>
    );
}
