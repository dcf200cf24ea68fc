// Rows of usage by time and key, as the series of a chart.  Pure.
export const SERIES_MAX = 8;

// The next bucket, in UTC, as the hub has them.
const steps = {
    hour: (ms) => ms + 3_600_000,
    day: (ms) => ms + 86_400_000,
    month: (ms) => { const d = new Date(ms); return Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1); },
};
const POINTS_MAX = 10_000;

// Every bucket from the first to the last: one that nobody reported is there too, and known by nobody.
export function bucketsOf(rows, bucket) {
    const times = rows.map((row) => Date.parse(row.bucket));
    const last = times.reduce((a, b) => Math.max(a, b), -Infinity);
    const all = [];
    for (let ms = times.reduce((a, b) => Math.min(a, b), Infinity); ms <= last && all.length < POINTS_MAX; ms = steps[bucket](ms)) all.push(ms);
    return all;
}

// { x: [seconds], series: [{ label, values }], left }: the largest by sum; left is how many more there are.
export function seriesOf(rows, bucket, figure, fallback) {
    const buckets = bucketsOf(rows, bucket);
    const place = new Map(buckets.map((ms, i) => [ms, i]));
    const byKey = new Map();
    for (const row of rows) {
        const label = row.key ?? fallback;
        const one = byKey.get(label) ?? byKey.set(label, { label, sum: 0, values: Array(buckets.length).fill(null) }).get(label);
        const at = place.get(Date.parse(row.bucket));
        if (at !== undefined) one.values[at] = row[figure];
        one.sum += row[figure] ?? 0;
    }
    const all = [...byKey.values()].sort((a, b) => b.sum - a.sum || (a.label < b.label ? -1 : 1));
    return { x: buckets.map((ms) => ms / 1000), series: all.slice(0, SERIES_MAX).map(({ label, values }) => ({ label, values })), left: Math.max(0, all.length - SERIES_MAX) };
}

// At most so many of them, evenly: where an axis has its words.
export const everyFew = (list, most) => list.filter((_, i) => i % Math.max(1, Math.ceil(list.length / Math.max(1, Math.floor(most)))) === 0);

// A bucket's name: as much of its time as it has.
export const bucketName = (time, bucket) => ({ hour: `${time.slice(0, 10)} ${time.slice(11, 13)} h`, day: time.slice(0, 10), month: time.slice(0, 7) }[bucket]);

// Twelve months, where months are asked for and nothing was said; else what was said.
export function usageFrom({ bucket, from }, now) {
    if (from || bucket !== 'month') return from;
    return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 11)).toISOString().slice(0, 10);
}
