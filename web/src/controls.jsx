// What stands over a list and under it: filters, which are in the address, and the way to its next page.
import { printQuery } from './query.js';

export function Choice({ label, name, value, options, onChange }) {
    return (
        <label>{label}
            <select name={name} value={value} onChange={(e) => onChange({ [name]: e.currentTarget.value })}>
                {options.map(([option, title]) => <option key={option} value={option}>{title}</option>)}
            </select>
        </label>
    );
}

// filters: [{ name, label, options?: [[value, title]], type?, placeholder? }]
export function Filters({ filters, query, onQuery }) {
    const change = (values) => onQuery({ ...values, after: '' });
    return (
        <form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
            {filters.map(({ name, label, options, type = 'search', placeholder }) => (options
                ? <Choice key={name} label={label} name={name} value={query[name]} options={options} onChange={change} />
                : <label key={name}>{label}<input type={type} name={name} value={query[name]} placeholder={placeholder} onInput={(e) => change({ [name]: e.currentTarget.value })} /></label>))}
        </form>
    );
}

export function Pager({ title, next, query, go }) {
    if (!next && !query.after) return null;
    const link = (text, after) => <a href={printQuery({ ...query, after })} onClick={(e) => go(e, { ...query, after })}>{text}</a>;
    return (
        <nav class="pager" aria-label={`Further: ${title}`}>
            {query.after && link('From the start', '')}
            {next && link('Further', next)}
        </nav>
    );
}
