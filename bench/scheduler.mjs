// scheduler.mjs -- 100,000 schedules: idle CPU, lateness, memory, cost of taking them up; and the whole program with 2,000 jobs
// from its configuration, from the instant to the request, against cron's one look a minute.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Scheduler, startTarget } from '../tests/lib/scheduler.mjs';
import { run } from '../tests/lib/node.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { atEnd, folder, note, row, serverCore } from './measure.mjs';

const percentile = (values, p) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * p)];

export default async function measure() {
    const { stdout } = await run([...serverCore, path.join(process.env.MUSTER_BUILD, 'bench', 'schedule_load'), '100000', '10'], { env: process.env });
    const load = JSON.parse(stdout);
    row('100,000 schedules: taken up, as by a reload', 'ms', load.load_ms, null, { ours: '<', value: 1000 });
    row('100,000 schedules: memory', 'MiB', load.rss_mib, null, { ours: '<', value: 100 });
    row('100,000 schedules: CPU while none is due', '%', load.idle_cpu_percent, null, { ours: '<', value: 0.5 });
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
    writeFileSync(path.join(scheduler.dir, 'done'), '');
}
