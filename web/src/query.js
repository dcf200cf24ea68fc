// The address says what is shown: page, whose, filters, grouping and order.  Pure.
export const choices = {
    group: ['session', 'host', 'none'],
    sort: ['attention', 'name', 'cpu', 'memory', 'tokens', 'cost'],
    bucket: ['hour', 'day', 'month'],
    by: ['instance', 'type', 'status', 'model'],
    show: ['cost_usd', 'tasks', 'runs', 'input_tokens', 'output_tokens', 'reports', 'peak_agents', 'peak_servers'],
};
// page '': the first one.  after: what a list goes on behind, as its Link said it.
export const defaults = {
    page: '', id: '', verdict: '', vendor: '', q: '', group: 'session', sort: 'attention',
    state: '', finding: '', of_group: '', bucket: 'day', by: '', show: 'cost_usd', from: '', to: '', after: '',
};
// Pages of one thing have an address of their own, which names it.
const paths = { agent: '/agents/', instance: '/instances/' };
const LENGTH_MAX = { id: 1000, after: 5000 };

function placeOf(pathname, pages) {
    for (const page of pages)
        if (paths[page] && pathname.startsWith(paths[page])) return { page, id: safely(pathname.slice(paths[page].length)) };
    return {};
}
function safely(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

// What an address does not say, or says in words that are none, is as by default.
export function parseQuery(search, pages = ['fleet'], pathname = '/') {
    const given = new URLSearchParams(search);
    const query = { ...defaults };
    for (const name of Object.keys(defaults)) {
        const value = given.get(name) ?? '';
        const allowed = name === 'page' ? pages : choices[name];
        if (value && (!allowed || allowed.includes(value))) query[name] = value.slice(0, LENGTH_MAX[name] ?? 200);
    }
    return { ...query, ...placeOf(pathname, pages) };
}

export function printQuery(query) {
    const path = paths[query.page];
    const out = new URLSearchParams();
    for (const [name, fallback] of Object.entries(defaults))
        if (query[name] && query[name] !== fallback && !(path && (name === 'page' || name === 'id'))) out.set(name, query[name]);
    const text = out.toString();
    return `${path ? path + encodeURIComponent(query.id) : '/'}${text && `?${text}`}`;
}

// A path of the API with those parameters that say something, and where to go on.
export function apiPath(base, parameters, after = '') {
    const out = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== '' && value !== undefined));
    for (const [name, value] of new URLSearchParams(after)) if (name.startsWith('after')) out.append(name, value);
    return `${base}?${out}`;
}

// What a Link to the next page says of where it begins; '' when this is the last one (RFC 8288).
export function afterOf(link) {
    const target = /<([^>]*)>;\s*rel="next"/.exec(link ?? '')?.[1] ?? '';
    const given = new URLSearchParams(target.slice(target.indexOf('?') + 1));
    return new URLSearchParams([...given].filter(([name]) => name.startsWith('after'))).toString();
}
