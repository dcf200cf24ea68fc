// scheduler.mjs -- 100,000 schedules: idle CPU, lateness, memory, cost of taking them up; and the whole program with 2,000 jobs
// from its configuration, from the instant to the request; and 100 jobs of one minute, until what they ask for begins, beside cron.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Scheduler, startTarget } from '../tests/lib/scheduler.mjs';
import { run } from '../tests/lib/node.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { atEnd, daemon, folder, note, row, serverCore } from './measure.mjs';

const percentile = (values, p) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * p)];

const TOGETHER = 100; // jobs of one minute
const MINUTES = 2;

// cron with nothing but this crontab: in a mount namespace of its own, so that no other table and no other cron is touched.
function startCron(dir) {
    const times = path.join(dir, 'times'), table = path.join(dir, 'crontab');
    writeFileSync(times, '');
    writeFileSync(table, Array.from({ length: TOGETHER }, () => `* * * * * root /bin/date +\\%s.\\%N >> ${times}\n`).join(''));
    const hide = ['/run', '/var/spool/cron', '/etc/cron.d'].map((where) => `mount -t tmpfs tmpfs ${where}`).join(' && ');
    daemon([...serverCore, 'unshare', '--mount', '--kill-child', 'sh', '-c', `${hide} && mount --bind ${table} /etc/crontab && exec cron -f`]);
    return () => readFileSync(times, 'utf8').trim().split('\n').filter(Boolean).map((text) => Number(text) * 1000 % 60_000);
}

async function besideCron() {
    const target = await startTarget({ after: atEnd });
    const scheduler = new Scheduler(folder('minute'), target.url);
    atEnd(() => scheduler.end('SIGKILL'));
    scheduler.configure(Array.from({ length: TOGETHER }, (_, i) => `schedule "m${i}" { when = "cron * * * * *" post = "/x" anchor = "creation" }`).join('\n'));
    const cron = startCron(folder('cron'));
    await scheduler.start();
    await waitUntil(() => cron().length >= TOGETHER * MINUTES && target.fired.length >= TOGETHER * MINUTES, 'both to have fired', 60_000 * (MINUTES + 1));
    const ours = target.fired.map((one) => one.at % 60_000);
    row(`${TOGETHER} jobs of one minute, until what they ask for begins, p50 (cron)`, 'ms', percentile(ours, 0.5), percentile(cron(), 0.5), { ratio: '<=', value: 1 });
    row('the same, p99', 'ms', percentile(ours, 0.99), percentile(cron(), 0.99), { ratio: '<=', value: 1 });
}

export default async function measure() {
    const { stdout } = await run([...serverCore, path.join(process.env.MUSTER_BUILD, 'bench', 'schedule_load'), '100000', '10'], { env: process.env });
    const load = JSON.parse(stdout);
    row('100,000 schedules: taken up, as by a reload', 'ms', load.load_ms, null, { ours: '<', value: 1000 });
    row('100,000 schedules: memory', 'MiB', load.rss_mib, null, { ours: '<', value: 100 });
    row('100,000 schedules: CPU while none is due', '%', load.idle_cpu_percent, null, { ours: '<', value: 0.1 });
    row(`100,000 schedules: lateness p50 of ${load.fired} firings`, 'ms', load.late_p50_ms, null, { ours: '<', value: 2 });
    row('100,000 schedules: lateness p99', 'ms', load.late_p99_ms, null, { ours: '<', value: 10 });

    const target = await startTarget({ after: atEnd });
    const scheduler = new Scheduler(folder('scheduler'), target.url);
    atEnd(() => scheduler.end('SIGKILL'));
    const jobs = Array.from({ length: 2000 }, (_, i) => `schedule "j${i}" { when = "every 20s" post = "/x" anchor = "creation" jitter = "19s" }`);
    scheduler.configure(jobs.join('\n'));
    const began = performance.now();
    await scheduler.start();
    note(`2,000 jobs from a configuration file are ready after ${Math.round(performance.now() - began)} ms`);
    await waitUntil(() => target.fired.length >= 1500, '1,500 firings', 90_000);
    const late = target.reports.flatMap((report) => Object.values(report.runs ?? {}).flat()).filter((one) => one.lateness_us !== null).map((one) => one.lateness_us / 1000);
    row(`muster scheduler: lateness p50 of ${late.length} requests`, 'ms', percentile(late, 0.5), null, { ours: '<', value: 5 });
    row('muster scheduler: lateness p99', 'ms', percentile(late, 0.99), null, { ours: '<', value: 10 });
    await scheduler.end();
    if (process.getuid() === 0) await besideCron();
    else note('cron is no peer here: its table of jobs takes root to hide');
}
