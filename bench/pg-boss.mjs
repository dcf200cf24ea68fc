// pg-boss.mjs -- the cycle of load_jobs.c through pg-boss.  usage: pg-boss.mjs CONNECTION CLIENTS JOBS
import PgBoss from 'pg-boss';

const [connectionString, clients, jobs] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const boss = new PgBoss({ connectionString, max: clients, supervise: false, schedule: false });
boss.on('error', (error) => { throw error; });
await boss.start();
await boss.createQueue('bench');

async function cycle() {
    await boss.send('bench', { agent: 'bench', prompt: 'sixty-four bytes of a prompt that nobody will ever have to read' });
    for (;;) {
        const [job] = await boss.fetch('bench');
        if (job) return boss.complete('bench', job.id);
    }
}
let begun = 0;
async function client() {
    while (begun++ < jobs) await cycle();
}
for (let warm = 0; warm < 20; warm++) await cycle();
const start = performance.now();
await Promise.all(Array.from({ length: clients }, client));
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ jobs, seconds, per_second: jobs / seconds }));
await boss.stop({ graceful: false });
process.exit(0);
