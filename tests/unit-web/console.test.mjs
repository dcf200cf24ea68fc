// The pure parts of the console (web/src): what a value looks like, the address, the order of rows, the stream's text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterAgents, groupAgents, noteHistory, reuseRows, sortAgents } from '../../web/src/fleet-rows.js';
import * as format from '../../web/src/format.js';
import { defaults, parseQuery, printQuery } from '../../web/src/query.js';
import { sparkPath } from '../../web/src/sparkline.js';
import { EventParser } from '../../web/src/sse.js';
import { familyOf, marks, rankOf, verdicts } from '../../web/src/verdicts.js';

test('what is not known is a dash in every format, and never a zero', () => {
    for (const print of [format.seconds, format.span, format.age, format.away, format.clock, format.bytes, format.percent, format.count, format.cost, format.yesNo, format.text, format.shortPath])
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
