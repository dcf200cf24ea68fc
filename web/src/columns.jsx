// Columns of a table, by what they hold: { key, title, print(row, context), tip?(row), ages?, end? } (table.jsx).
import { count, text } from './format.js';
import { defaults, printQuery } from './query.js';

export const plain = (key, title, more) => ({ key, title, print: (row) => text(row[key]), tip: (row) => (typeof row[key] === 'string' ? row[key] : undefined), ...more });
export const figure = (key, title, print = count) => ({ key, title, end: true, print: (row) => print(row[key]) });
export const ticking = (key, title, print, valueOf = (row) => row[key]) => ({
    key, title, ages: (row, { now }) => print(valueOf(row), now), print: (row, { now }) => print(valueOf(row), now), tip: (row) => valueOf(row) ?? undefined,
});

// Told apart by shape as well as by colour.  families: { word: [family, mark] }
export function Mark({ word, families }) {
    const [family, mark] = families[word] ?? ['unknown', '?'];
    return <span class={`badge ${family}`}><span aria-hidden="true">{mark}</span> {word}</span>;
}
export const marked = (key, title, families) => ({
    key, title, print: (row) => (row[key] ? { node: <Mark word={row[key]} families={families} /> } : text(null)),
});

// A name that leads to the page of what it names.
export const linked = (key, title, page, { idOf, nameOf, subOf }) => ({
    key, title, tip: idOf,
    print: (row, { go }) => {
        if (!idOf(row)) return text(nameOf(row));
        const query = { ...defaults, page, id: idOf(row) };
        return { node: <><a class="main" href={printQuery(query)} onClick={(e) => go(e, query)}>{text(nameOf(row))}</a><span class="sub">{subOf(row)}</span></> };
    },
});
