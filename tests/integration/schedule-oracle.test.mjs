// spec 50 S1, S2: the instants of random schedules are those that other programs work out: systemd's calendar where the
// grammars meet, and cron-parser for cron in time zones.  MUSTER_ORACLE_CASES and MUSTER_ORACLE_SEED run more of them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { build, run } from '../lib/node.mjs';

const cases = Number(process.env.MUSTER_ORACLE_CASES ?? 1500);
let seed = Number(process.env.MUSTER_ORACLE_SEED ?? 20261127);
const INSTANTS = 5;
const zones = ['UTC', 'Europe/Prague', 'America/New_York', 'America/St_Johns', 'Asia/Kolkata', 'Asia/Tokyo', 'Australia/Lord_Howe', 'Australia/Sydney',
    'Pacific/Auckland', 'Pacific/Chatham', 'America/Santiago', 'Africa/Johannesburg', 'Asia/Kathmandu', 'Europe/Dublin', 'Pacific/Kiritimati'];

function below(n) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
}
const pick = (list) => list[below(list.length)];

// A part as [cron, systemd] text.  Steps are spelled out for systemd, whose 252 loses the first value of a day behind them.
const every = (first, last, step) => Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step).join(',');
function part(min, max) {
    const a = min + below(max - min + 1), b = a + below(max - a + 1), step = 1 + below(Math.max(2, (max - min) >> 1));
    switch (below(4)) {
    case 0: return [`${a}`, `${a}`];
    case 1: return [`${a}-${b}`, a === b ? `${a}` : `${a}..${b}`];
    case 2: return a === b ? [`${a}`, `${a}`] : [`${a}-${b}/${step}`, every(a, b, step)];
    default: return [`*/${step}`, every(min, max, step)];
    }
}
function field(min, max, star) {
    if (star || below(3) === 0) return ['*', '*'];
    const parts = Array.from({ length: 1 + below(3) }, () => part(min, max));
    return [parts.map((p) => p[0]).join(','), parts.map((p) => p[1]).join(',')];
}
const names = { month: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'], day: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] };
// Days of the week: single ones and ranges.  systemd has names alone and begins the week on Monday.
function weekdays() {
    const a = below(7), b = a + below(7 - a), all = [];
    for (let d = a; d <= b; d++) all.push(names.day[d]);
    const word = (d) => (below(2) ? names.day[d] : `${d === 0 && below(2) ? (a === b ? 7 : 0) : d}`);
    return [a === b ? word(a) : `${word(a)}-${word(b)}`, all.join(',')];
}
const from = () => 1767225600 + below(30 * 365 * 86400); // 2026 to 2055

async function ours(questions) {
    const input = questions.map((q) => [q.zone, q.from, q.count ?? INSTANTS, q.spec].join('\t')).join('\n') + '\n';
    const { code, stdout, stderr } = await run([path.join(build, 'schedule_answers')], { env: process.env, input });
    assert.equal(code, 0, stderr);
    const lines = stdout.split('\n').slice(0, -1);
    assert.equal(lines.length, questions.length);
    return lines;
}
const numbers = (line) => line.split(' ').filter(Boolean).map((word) => parseInt(word, 10));

test(`S1 ${cases} random schedules fire when systemd's calendar says`, async () => {
    const questions = [];
    for (let i = 0; i < cases; i++) {
        const q = { zone: 'UTC', from: from() };
        const kind = below(4), minute = field(0, 59), hour = field(0, 23), month = field(1, 12);
        // Where both day fields say something, cron and systemd mean different things: one of them is a star.
        let day = ['*', '*'], dow = ['*', ''];
        if (kind === 1) dow = weekdays();
        else if (kind === 2) day = ['L', '~01'];
        else if (kind === 3) day = field(1, 31);
        q.spec = `cron ${minute[0]} ${hour[0]} ${day[0]} ${month[0]} ${dow[0]}`;
        q.calendar = `${dow[1] && `${dow[1]} `}*-${month[1]}${kind === 2 ? '~01' : `-${day[1]}`} ${hour[1]}:${minute[1]}:00 UTC`;
        questions.push(q);
    }
    let compared = 0;
    for (let i = 0; i < questions.length; i += 200) {
        const batch = questions.slice(i, i + 200), base = batch[0].from;
        // All of a batch from the first one's instant, so that one call answers it.
        const mine = await ours(batch.map((q) => ({ ...q, from: base })));
        const { stdout } = await run(['systemd-analyze', 'calendar', `--iterations=${INSTANTS}`, `--base-time=@${base}`, ...batch.map((q) => q.calendar)],
            { env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' } });
        const sections = stdout.split(/\n\n/).filter((s) => s.includes('Next elapse') || s.includes('Normalized'));
        assert.equal(sections.length, batch.length, 'an answer per expression');
        for (let k = 0; k < batch.length; k++) {
            const theirs = [...sections[k].matchAll(/(?:Next elapse|Iter\. #\d+|Iteration #\d+): \w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g)]
                .map((m) => Date.parse(`${m[1]}T${m[2]}Z`) / 1000);
            if (mine[k] === 'refused') { // an impossible date, which systemd accepts and never reaches
                assert.equal(theirs.length, 0, `${batch[k].spec} is refused`);
                continue;
            }
            assert.deepEqual(numbers(mine[k]), theirs, `${batch[k].spec} = ${batch[k].calendar} from ${base}`);
            compared++;
        }
    }
    assert.ok(compared > cases * 0.9, `${compared} compared`);
});

// Two instants in one answer, or none, where the clock changes: there cron-parser has other rules than S2, so what lies
// within a day of a change of the offset is left out on both sides.
function offsetAt(formatter, second) {
    const p = Object.fromEntries(formatter.formatToParts(second * 1000).map((x) => [x.type, x.value]));
    return Date.UTC(p.year, p.month - 1, p.day, p.hour % 24, p.minute, p.second) / 1000 - second;
}

test(`S1 S2 ${cases} random cron schedules in zones fire when cron-parser says`, async () => {
    const { CronExpressionParser } = createRequire(import.meta.url)('cron-parser');
    const formatters = new Map(zones.map((zone) => [zone, new Intl.DateTimeFormat('en-US',
        { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })]));
    const questions = [];
    for (let i = 0; i < cases; i++) {
        // A stepped star in a day field means "both" here and "either" there: no step where both are set.
        const both = below(3) === 0;
        const days = both ? `${1 + below(15)}-${16 + below(16)}` : field(1, 31)[0], dow = both || below(2) ? weekdays()[0] : '*';
        const day = both ? days : dow === '*' ? (below(4) ? days : 'L') : '*';
        const month = below(3) ? '*' : below(2) ? field(1, 12)[0] : pick(names.month);
        questions.push({ zone: pick(zones), from: from() - 15 * 365 * 86400, spec: `cron ${field(0, 59)[0]} ${field(0, 23)[0]} ${day} ${month} ${dow}` });
    }
    const answers = await ours(questions);
    let compared = 0;
    for (let i = 0; i < questions.length; i++) {
        const { zone, from: first, spec } = questions[i];
        if (answers[i] === 'refused') {
            assert.throws(() => CronExpressionParser.parse(spec.slice(5), { currentDate: new Date(first * 1000), tz: zone }).next(), undefined, spec);
            continue;
        }
        const mine = numbers(answers[i]), last = mine.at(-1);
        const quiet = (s) => offsetAt(formatters.get(zone), s - 90000) === offsetAt(formatters.get(zone), s + 90000);
        let them;
        try {
            them = CronExpressionParser.parse(spec.slice(5), { currentDate: new Date(first * 1000), tz: zone });
        } catch (error) { // it takes no list that says a value twice
            assert.match(error.message, /duplicate values/, spec);
            continue;
        }
        const theirs = [];
        try {
            for (let at = them.next().getTime() / 1000; at <= last && theirs.length < 100; at = them.next().getTime() / 1000) theirs.push(at);
        } catch (error) { // rarer than once in some years
            assert.match(error.message, /loop limit/, spec);
            continue;
        }
        assert.deepEqual(mine.filter(quiet), theirs.filter(quiet), `${spec} in ${zone} from ${first}`);
        compared++;
    }
    assert.ok(compared > cases * 0.4, `${compared} compared`);
});
