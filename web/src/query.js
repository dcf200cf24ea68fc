// The address says what is shown: page, filters, grouping and order.  Pure.
export const choices = {
    group: ['session', 'host', 'none'],
    sort: ['attention', 'name', 'cpu', 'memory', 'tokens', 'cost'],
};
export const defaults = { page: 'fleet', verdict: '', vendor: '', q: '', group: 'session', sort: 'attention' };

// What an address does not say, or says in words that are none, is as by default.
export function parseQuery(search, pages = ['fleet']) {
    const given = new URLSearchParams(search);
    const query = { ...defaults };
    for (const name of Object.keys(defaults)) {
        const value = given.get(name) ?? '';
        const allowed = name === 'page' ? pages : choices[name];
        if (value && (!allowed || allowed.includes(value))) query[name] = value.slice(0, 200);
    }
    return query;
}

export function printQuery(query) {
    const out = new URLSearchParams();
    for (const [name, fallback] of Object.entries(defaults))
        if (query[name] && query[name] !== fallback) out.set(name, query[name]);
    const text = out.toString();
    return text ? `/?${text}` : '/';
}
