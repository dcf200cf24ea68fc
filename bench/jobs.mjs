// jobs.mjs -- durable enqueue, claim and complete, 16 clients: against beanstalkd with a write-ahead log that is synced on
// every write, and pg-boss on PostgreSQL as it comes.
import { chownSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../tests/lib/node.mjs';
import { waitUntil } from '../tests/lib/wait.mjs';
import { accepts, cpuSeconds, daemon, folder, freePort, loadCore, median, note, row, serverCore, startNode, tool } from './measure.mjs';

const clients = 16, rounds = 5, jobs = 2000;
const config = 'max_concurrency = 4\nagent "bench" { }\n';

export async function load(protocol, port, count) {
    return JSON.parse(await tool([...loadCore, path.join(build, 'bench/load_jobs'), protocol, String(port), String(clients), String(count)]));
}

async function startBeanstalkd() {
    const port = await freePort();
    const child = daemon([...serverCore, 'beanstalkd', '-l', '127.0.0.1', '-p', String(port), '-b', folder('beanstalkd'), '-f0']);
    await accepts(port);
    return { port, pid: child.pid };
}

// PostgreSQL refuses to run as root; its package brings a user.
async function startPostgres() {
    const version = readdirSync('/usr/lib/postgresql').sort((a, b) => a - b).at(-1);
    const bin = (name) => `/usr/lib/postgresql/${version}/bin/${name}`;
    const dir = folder('postgres');
    let as = [];
    if (process.getuid() === 0) {
        const [uid, gid] = (await tool(['getent', 'passwd', 'postgres'])).split(':').slice(2, 4).map(Number);
        chownSync(dir, uid, gid);
        as = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    }
    await tool([...as, bin('initdb'), '-D', path.join(dir, 'data'), '-A', 'trust', '-U', 'postgres'], { cwd: dir });
    daemon([...serverCore, ...as, bin('postgres'), '-D', path.join(dir, 'data'), '-k', dir, '-c', 'listen_addresses='], { cwd: dir });
    await waitUntil(() => tool([bin('pg_isready'), '-h', dir]), 'PostgreSQL', 60_000);
    return `postgres://postgres@localhost/postgres?host=${encodeURIComponent(dir)}`;
}

async function pgBoss() {
    const script = fileURLToPath(new URL('pg-boss.mjs', import.meta.url));
    return JSON.parse(await tool([...loadCore, process.execPath, script, await startPostgres(), String(clients), '500']));
}

export default async function measure() {
    const node = await startNode({ config });
    const peer = await startBeanstalkd();
    const ours = [], theirs = [];
    await load('http', node.port, 500);
    await load('beanstalk', peer.port, 500);
    const cpuBefore = [cpuSeconds(node.pid), cpuSeconds(peer.pid)];
    for (let i = 0; i < rounds; i++) {
        ours.push((await load('http', node.port, jobs)).per_second);
        theirs.push((await load('beanstalk', peer.port, jobs)).per_second);
    }
    const cpu = [cpuSeconds(node.pid) - cpuBefore[0], cpuSeconds(peer.pid) - cpuBefore[1]].map((s) => (s * 1e6) / (jobs * rounds));
    note(`jobs: CPU of the server per cycle, ${cpu[0].toFixed(0)} us against ${cpu[1].toFixed(0)} us of beanstalkd`);
    row('jobs, durable enqueue-claim-complete, 16 clients, against beanstalkd -b -f0', 'per s', median(ours), median(theirs), { ratio: '>=', value: 1 });
    const boss = await pgBoss();
    row('jobs, the same, against pg-boss on PostgreSQL', 'per s', median(ours), boss.per_second, { ratio: '>=', value: 10 });
    await history(node);
}

// The same node with ten times as many finished jobs behind it.
async function history(node) {
    const measured = async () => {
        const rates = [];
        for (let i = 0; i < 3; i++) rates.push((await load('http', node.port, jobs)).per_second);
        return median(rates);
    };
    const few = await measured();
    const finished = 500 + jobs * (rounds + 3);
    await load('http', node.port, finished * 9);
    row(`jobs, with ${finished * 10} finished ones behind it against ${finished}`, 'per s', await measured(), few, { ratio: '>=', value: 0.9 });
}
