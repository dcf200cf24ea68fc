// What a value looks like.  What is not known is a dash and never a zero (spec 00, fact 4).  Pure: the caller passes now.
export const UNKNOWN = '—';

const known = (value) => value !== null && value !== undefined && value !== '';
const ifKnown = (print) => (value, ...more) => (known(value) ? print(value, ...more) : UNKNOWN);

// The largest unit that leaves at least one, its figure cut to an integer.
const spans = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
export const span = ifKnown((seconds) => {
    const [size, unit] = spans.find(([size]) => seconds >= size) ?? [1, 's'];
    return `${Math.max(0, Math.floor(seconds / size))} ${unit}`;
});
export const seconds = ifKnown((n) => (n < 10 ? `${n.toFixed(n < 1 ? 3 : 1)} s` : span(n)));
export const age = ifKnown((time, nowMs) => span((nowMs - Date.parse(time)) / 1000));

// An instant relative to now, whichever side it is on.
export const away = ifKnown((time, nowMs) => {
    const seconds = (Date.parse(time) - nowMs) / 1000;
    return seconds > 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
});
const two = (n) => String(n).padStart(2, '0');
export const clock = ifKnown((time) => {
    const d = new Date(time);
    return `${two(d.getHours())}:${two(d.getMinutes())}`;
});

// An instant as a text of its own, in UTC; parts of a second where there are some.
export const instant = ifKnown((time) => {
    const [, day, at, part] = /^(.{10})T(.{8})(\.\d*[1-9])?/.exec(new Date(time).toISOString());
    return `${day} ${at}${part ?? ''}`;
});

// Powers of 1024 in their own names, one decimal below ten.
const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
export const bytes = ifKnown((n) => {
    let unit = 0;
    for (; n >= 1024 && unit < sizes.length - 1; unit++) n /= 1024;
    return `${n < 10 && unit > 0 ? n.toFixed(1) : Math.round(n)} ${sizes[unit]}`;
});
export const percent = ifKnown((n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} %`);
export const count = ifKnown((n) => {
    if (n < 10_000) return String(Math.round(n));
    return n < 10_000_000 ? `${Math.round(n / 1000)} k` : `${(n / 1e6).toFixed(n < 1e8 ? 1 : 0)} M`;
});
// Cents matter below ten dollars, and a tenth of a cent below one.
export const cost = ifKnown((usd) => `$${usd.toFixed(usd === 0 || usd >= 1 ? 2 : 3)}`);
export const yesNo = ifKnown((b) => (b ? 'yes' : 'no'));
export const text = ifKnown(String);

// The last two parts of a path say which repository it is; the whole is shown on demand.
export const shortPath = ifKnown((path) => {
    const parts = path.split('/').filter(Boolean);
    return parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : path;
});
