// The pure parts of the console (web/src): what a value looks like, the address, the order of rows, the stream's text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterAgents, groupAgents, noteHistory, reuseRows, sortAgents } from '../../web/src/fleet-rows.js';
import * as format from '../../web/src/format.js';
import { afterOf, apiPath, defaults, parseQuery, printQuery } from '../../web/src/query.js';
import { bucketName, bucketsOf, everyFew, seriesOf, usageFrom } from '../../web/src/series.js';
import { sparkPath } from '../../web/src/sparkline.js';
import { EventParser } from '../../web/src/sse.js';
import { familyOf, marks, rankOf, verdicts } from '../../web/src/verdicts.js';

test('what is not known is a dash in every format, and never a zero', () => {
    for (const print of [format.seconds, format.span, format.age, format.away, format.clock, format.instant, format.bytes, format.percent, format.count, format.cost, format.yesNo, format.text, format.shortPath])
        for (const unknown of [null, undefined, '']) assert.equal(print(unknown, 0), '—');
});

test('zero is known and shown as zero', () => {
    assert.deepEqual([format.span(0), format.bytes(0), format.percent(0), format.count(0), format.cost(0), format.text(0), format.yesNo(false)],
        ['0 s', '0 B', '0.0 %', '0', '$0.00', '0', 'no']);
});

test('a span is cut to its largest unit', () => {
    const cases = [[0.9, '0 s'], [59.9, '59 s'], [60, '1 min'], [3599, '59 min'], [3600, '1 h'], [86399, '23 h'], [86400, '1 d'], [-5, '0 s']];
    for (const [seconds, shown] of cases) assert.equal(format.span(seconds), shown);
    assert.deepEqual([0.0421, 1.25, 61].map(format.seconds), ['0.042 s', '1.3 s', '1 min']);
    assert.equal(format.age('2026-11-22T00:00:00Z', Date.parse('2026-11-22T00:02:30Z')), '2 min');
    assert.equal(format.away('2026-11-22T00:05:00Z', Date.parse('2026-11-22T00:02:30Z')), 'in 2 min');
    assert.equal(format.away('2026-11-22T00:00:00Z', Date.parse('2026-11-22T00:02:30Z')), '2 min ago');
});

test('sizes are powers of 1024, money has cents, large counts are short', () => {
    assert.deepEqual([1023, 1024, 10 * 1024, 1.5 * 1024 ** 3].map(format.bytes), ['1023 B', '1.0 KiB', '10 KiB', '1.5 GiB']);
    assert.deepEqual([0.0123, 0.5, 1, 41.07].map(format.cost), ['$0.012', '$0.500', '$1.00', '$41.07']);
    assert.deepEqual([9999, 10_000, 1_234_567, 12_345_678].map(format.count), ['9999', '10 k', '1235 k', '12.3 M']);
    assert.deepEqual(['/a/b/c/d', '/a/b', 'acme/api'].map(format.shortPath), ['…/c/d', '/a/b', 'acme/api']);
});

test('an address prints what it parses, and what it does not know is as by default', () => {
    assert.deepEqual(parseQuery(''), defaults);
    const query = { ...defaults, verdict: 'hung_stream', vendor: 'claude', q: 'a&b=c ü', group: 'host', sort: 'cpu' };
    assert.deepEqual(parseQuery(new URL(`http://x${printQuery(query)}`).search), query);
    assert.equal(printQuery(defaults), '/');
    assert.deepEqual(parseQuery('?group=nonsense&page=nowhere&sort=&x=y'), defaults);
    assert.equal(parseQuery('?page=queue', ['fleet', 'queue']).page, 'queue');
});

test('a page of one thing has an address that names it, whatever its name holds', () => {
    const pages = ['fleet', 'agent', 'instance'];
    for (const [page, id] of [['agent', 'run-88'], ['agent', 'a/b c%?#ü'], ['instance', '..']]) {
        const url = new URL(`http://x${printQuery({ ...defaults, page, id, q: 'w' })}`);
        const read = parseQuery(url.search, pages, id === '..' ? `/instances/${id}` : url.pathname); // a URL cannot hold .. itself
        assert.deepEqual(read, { ...defaults, page, id, q: 'w' });
    }
    assert.equal(printQuery({ ...defaults, page: 'agent', id: 'run-88' }), '/agents/run-88');
    assert.equal(parseQuery('', pages, '/agents/%E0%A4%A').id, '%E0%A4%A'); // no UTF-8 at all
    assert.deepEqual(parseQuery('', ['fleet'], '/agents/x'), defaults); // a page that this program has not
});

test('where a list goes on comes from its Link and goes into the next request, and nothing else does', () => {
    const link = '</api/v1/usage?from=a&limit=2&after_bucket=2026-11-01T00:00:00Z&after_key=x%26y>; rel="next"';
    const after = afterOf(link);
    assert.deepEqual([...new URLSearchParams(after)], [['after_bucket', '2026-11-01T00:00:00Z'], ['after_key', 'x&y']]);
    assert.equal(apiPath('/p', { limit: 2, group: '', q: undefined }, `${after}&limit=9`), '/p?limit=2&after_bucket=2026-11-01T00%3A00%3A00Z&after_key=x%26y');
    assert.deepEqual([afterOf(null), afterOf(''), afterOf('<https://x/?a=1>; rel="first"')], ['', '', '']);
});

test('a bucket that nobody reported stands in a series as unknown, and buckets are of the calendar in UTC', () => {
    const row = (bucket, key, n) => ({ bucket: `${bucket}.000000Z`, key, tasks: n });
    const rows = [row('2026-11-01T00:00:00', 'a', 1), row('2026-11-04T00:00:00', 'a', 3), row('2026-11-04T00:00:00', 'b', 9)];
    const { x, series, left } = seriesOf(rows, 'day', 'tasks', 'all');
    assert.deepEqual(x.map((s) => new Date(s * 1000).getUTCDate()), [1, 2, 3, 4]);
    assert.deepEqual([series, left], [[{ label: 'b', values: [null, null, null, 9] }, { label: 'a', values: [1, null, null, 3] }], 0]);
    const months = bucketsOf([row('2025-12-01T00:00:00'), row('2026-03-01T00:00:00')], 'month');
    assert.deepEqual(months.map((ms) => new Date(ms).toISOString().slice(0, 10)), ['2025-12-01', '2026-01-01', '2026-02-01', '2026-03-01']);
    assert.equal(bucketsOf([row('2026-03-29T00:00:00'), row('2026-03-29T05:00:00')], 'hour').length, 6); // no hour is lost to a summer time
    assert.deepEqual(seriesOf([], 'day', 'tasks', 'all'), { x: [], series: [], left: 0 });
    const many = seriesOf(Array.from({ length: 11 }, (_, i) => row('2026-11-01T00:00:00', `k${i}`, i)), 'day', 'tasks', 'all');
    assert.deepEqual([many.series.length, many.series[0].label, many.left], [8, 'k10', 3]);
    assert.equal(seriesOf([row('2026-11-01T00:00:00', null, 1)], 'day', 'tasks', 'Tasks').series[0].label, 'Tasks');
});

test('an axis has no more words than it has room for, and a bucket is called by as much of its time as it has', () => {
    assert.deepEqual([everyFew([1, 2, 3, 4, 5], 2.9), everyFew([1, 2], 10), everyFew([1, 2, 3], 0), everyFew([], 3)], [[1, 4], [1, 2], [1], []]);
    assert.deepEqual(['hour', 'day', 'month'].map((bucket) => bucketName('2026-11-01T07:00:00.000000Z', bucket)), ['2026-11-01 07 h', '2026-11-01', '2026-11']);
    assert.equal(usageFrom({ bucket: 'month', from: '' }, new Date('2026-03-31T12:00:00Z')), '2025-04-01'); // twelve months with this one
    assert.deepEqual([usageFrom({ bucket: 'day', from: '' }, new Date()), usageFrom({ bucket: 'month', from: '2026-01-02' }, new Date())], ['', '2026-01-02']);
    assert.deepEqual(['2026-11-01T07:08:09.000000Z', '2026-11-01T07:08:09.250000Z'].map(format.instant), ['2026-11-01 07:08:09', '2026-11-01 07:08:09.25']);
});

const agent = (id, more = {}) => ({ id, name: id, vendor: null, session_id: null, liveness: null, cpu_percent: null, ...more });
const at = (verdict) => ({ verdict, cause: `because of ${verdict}` });

test('filters are all of them, and words are found wherever they stand', () => {
    const all = [agent('a', { vendor: 'claude', liveness: at('working') }), agent('b', { vendor: 'codex', liveness: at('dead'), repo: '/src/API' }), agent('c')];
    const ids = (query) => filterAgents(all, { ...defaults, ...query }).map((a) => a.id).join('');
    assert.equal(ids({}), 'abc');
    assert.equal(ids({ verdict: 'dead' }), 'b');
    assert.equal(ids({ vendor: 'claude' }), 'a');
    assert.equal(ids({ vendor: 'claude', verdict: 'dead' }), '');
    assert.equal(ids({ q: 'api because' }), 'b');
    assert.equal(ids({ q: 'api nothing' }), '');
});

test('trouble comes first, what is not known last, and ties never move', () => {
    const all = [agent('n'), agent('w', { liveness: at('working') }), agent('d', { liveness: at('dead') }), agent('p', { liveness: at('waiting_permission') })];
    assert.equal(sortAgents(all, 'attention').map((a) => a.id).join(''), 'dpwn');
    assert.equal(sortAgents([agent('a'), agent('b', { cpu_percent: 0 }), agent('c', { cpu_percent: 50 })], 'cpu').map((a) => a.id).join(''), 'cba');
    const same = ['a10', 'a9', 'a1'].map((id) => agent(id));
    assert.deepEqual(sortAgents(same, 'attention').map((a) => a.id), ['a1', 'a9', 'a10']);
    assert.deepEqual(sortAgents([...same].reverse(), 'attention').map((a) => a.id), ['a1', 'a9', 'a10']);
});

test('every agent is in exactly one group, and an empty session is shown unless a filter is set', () => {
    const all = [agent('a', { session_id: 's1', server: 'h' }), agent('b'), agent('c', { session_id: 's1' })];
    const sessions = [{ id: 's1' }, { id: 's0' }];
    const shape = (groups) => groups.map((g) => `${g.id}:${g.agents.map((a) => a.id).join('')}`);
    assert.deepEqual(shape(groupAgents(all, sessions, 'session', true)), ['s0:', 's1:ac', 'null:b']);
    assert.deepEqual(shape(groupAgents(all, sessions, 'session', false)), ['s1:ac', 'null:b']);
    assert.deepEqual(shape(groupAgents(all, sessions, 'host', true)), ['h:a', 'null:bc']);
    assert.deepEqual(shape(groupAgents(all, sessions, 'none', true)), ['null:abc']);
});

test('rows that say the same stay the same object', () => {
    const before = [agent('a'), agent('b')];
    const after = reuseRows(before, [agent('a'), agent('b', { model: 'm' }), agent('c')]);
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[1]);
    assert.equal(reuseRows(before, [agent('a'), agent('b')]), before);
    assert.deepEqual(reuseRows(before, [agent('b'), agent('a')]).map((a) => a.id), ['b', 'a']);
});

test('a history is bounded, has gaps where nothing is known, and forgets who is gone', () => {
    let history = new Map();
    for (let i = 0; i < 40; i++) history = noteHistory(history, [agent('a', { cpu_percent: i === 39 ? null : i }), agent(`once${i}`)], 'cpu_percent');
    assert.deepEqual([...history.keys()], ['a', 'once39']);
    assert.equal(history.get('a').length, 30);
    assert.deepEqual(history.get('a').slice(-2), [38, null]);
});

test('a line has a gap where a reading is not known, and ends at the right edge', () => {
    assert.equal(sparkPath([], 60, 18), '');
    // three readings, 30 places over 60 px: 60 / 29 = 2.069 px a step; 0 % at 17, 100 % at 1
    assert.equal(sparkPath([0, null, 100], 60, 18), 'M55.9 17.0M60.0 1.0');
    assert.equal(sparkPath([100, 100], 60, 18), 'M57.9 1.0L60.0 1.0');
    assert.match(sparkPath([400, 200], 60, 18), /^M57\.9 1\.0L60\.0 9\.0$/); // over 100 % the scale grows
});

test('a stream cut anywhere gives the same events', () => {
    const text = ':\n\nretry: 1000\n\nid: b-1\nevent: event.agent.status\ndata: {"a":1}\n\nid: b-2\ndata: x\r\ndata: y\r\n\r\nid: b-3\n\n: alive\ndata\n\n';
    const whole = new EventParser();
    const expected = [
        { type: 'event.agent.status', data: '{"a":1}', id: 'b-1' },
        { type: 'message', data: 'x\ny', id: 'b-2' },
        { type: 'message', data: '', id: 'b-3' },
    ];
    assert.deepEqual(whole.push(text), expected);
    for (let cut = 0; cut <= text.length; cut++) {
        const parser = new EventParser();
        assert.deepEqual([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))], expected, `cut at ${cut}`);
        assert.equal(parser.lastId, 'b-3');
    }
});

test('each of the sixteen verdicts has a rank and a mark, and one that is new is unknown', () => {
    assert.equal(new Set(verdicts.map(([name]) => name)).size, 16);
    assert.equal(new Set(Object.values(marks)).size, Object.keys(marks).length);
    for (const [name] of verdicts) assert.ok(marks[familyOf(name)]);
    assert.deepEqual([familyOf('brand_new'), rankOf('brand_new'), familyOf(undefined)], ['unknown', 16, 'unknown']);
});
