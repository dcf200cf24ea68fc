// transcripts.mjs -- `muster usage` against ccusage's own binary, and against grep, which only looks for the word.
// MUSTER_BENCH_TRANSCRIPTS_MB sets the size, 1000 by default.  CPU seconds of the whole process, rounds alternating.
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeClaude } from '../tests/lib/transcripts.mjs';
import { claudeLine } from '../tests/lib/usage.mjs';
import { binary, root } from '../tests/lib/node.mjs';
import { folder, median, note, row } from './measure.mjs';

const megabytes = Number(process.env.MUSTER_BENCH_TRANSCRIPTS_MB ?? 1000), rounds = 5;
const ccusage = path.join(root, `bench/node_modules/@ccusage/ccusage-linux-${process.arch}/bin/ccusage`);

const withMemory = ['/usr/bin/time', '-f', '%U %S %M']; // the times in hundredths of a second
const toTheMillisecond = ['bash', '-c', 'TIMEFORMAT="%3U %3S 0"; time "$@"', 'bash'];

// { cpu (seconds), mib (largest), ms } of a command whose output goes through a pipe, as grep stops early into /dev/null.
function measure(argv, env, input = '', meter = withMemory) {
    return new Promise((resolve, reject) => {
        const start = performance.now();
        const child = spawn(meter[0], [...meter.slice(1), ...argv], { env: { PATH: process.env.PATH, LC_ALL: 'C', ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
        let told = '';
        child.stderr.on('data', (d) => { told += d; });
        child.stdout.resume();
        child.stdin.end(input);
        child.on('error', reject);
        child.on('close', () => {
            const [user, system, kib] = told.trim().split('\n').at(-1).split(' ').map(Number);
            resolve({ cpu: user + system, mib: kib / 1024, ms: performance.now() - start });
        });
    });
}

const measureFinely = (argv, env) => measure(argv, env, '', toTheMillisecond);

async function alternate(sides, count = rounds) {
    const results = sides.map(() => []);
    for (let i = 0; i < count; i++)
        for (const [k, side] of sides.entries()) results[k].push(await side());
    return results.map((list) => ({ cpu: median(list.map((r) => r.cpu)), mib: Math.max(...list.map((r) => r.mib)), ms: median(list.map((r) => r.ms)) }));
}

function someFile(dir) {
    const entry = readdirSync(dir, { recursive: true }).find((name) => name.endsWith('.jsonl'));
    return path.join(dir, entry);
}

// What directories hold is remembered once they have been at rest for two seconds, as those of a home are.
const atRest = () => new Promise((resolve) => { setTimeout(resolve, 2500); });

async function manyFiles(dir) {
    for (let i = 0; i < 10000; i++) {
        const project = path.join(dir, 'claude/projects', `p${i % 50}`);
        mkdirSync(project, { recursive: true });
        writeFileSync(path.join(project, `s${i}.jsonl`), JSON.stringify(claudeLine({ output_tokens: 1 }, { sessionId: `s${i}` })) + '\n');
    }
    const env = { HOME: dir, CLAUDE_CONFIG_DIR: path.join(dir, 'claude'), XDG_CACHE_HOME: path.join(dir, 'cache'), CODEX_HOME: dir };
    await measure([binary, 'usage', '--json'], env);
    await atRest();
    await measure([binary, 'usage', '--json'], env);
    const [ours, theirs] = await alternate([() => measureFinely([binary, 'usage', '--json'], env), () => measure([ccusage, 'claude', 'daily', '--json', '--offline'], env)], 3);
    row('transcripts: a report of 10,000 files, nothing new', 'CPU s', ours.cpu, theirs.cpu, { ratio: '<=', value: 0.5 });
}

export default async function transcripts() {
    if (!existsSync(ccusage)) throw new Error('ccusage is not installed');
    chmodSync(ccusage, 0o755);
    const dir = folder('transcripts'), claude = path.join(dir, 'claude');
    const written = await writeClaude(claude, { seed: 1, megabytes });
    note(`transcripts: ${written.files} files, ${Math.round(written.bytes / 1e6)} MB`);
    const env = { HOME: dir, CLAUDE_CONFIG_DIR: claude, XDG_CACHE_HOME: path.join(dir, 'cache'), CODEX_HOME: dir };
    const first = () => {
        rmSync(path.join(dir, 'cache'), { recursive: true, force: true });
        return measure([binary, 'usage', '--json'], env);
    };
    const peer = () => measure([ccusage, 'claude', 'daily', '--json', '--offline'], env);
    const [ours, theirs, grep] = await alternate([first, peer, () => measure(['grep', '-rc', '"usage"', claude], {})]);
    row(`transcripts: first scan of ${megabytes} MB`, 'CPU s', ours.cpu, theirs.cpu, { ratio: '<=', value: 0.5 });
    row(`transcripts: first scan, against grep -c`, 'CPU s', ours.cpu, grep.cpu, { ratio: '<=', value: 1.5 });
    row('transcripts: largest memory of the first scan', 'MiB', ours.mib, theirs.mib, { ours: '<', value: 32 });
    const file = someFile(path.join(claude, 'projects'));
    const oneMore = () => {
        appendFileSync(file, JSON.stringify(claudeLine({ output_tokens: 1 })) + '\n');
        return measureFinely([binary, 'usage', '--json'], env);
    };
    await atRest();
    await oneMore();
    const [second, find] = await alternate([oneMore, () => measureFinely(['find', claude, '-size', '+1000G'], env)], 15);
    row('transcripts: a report after one new line', 'CPU s', second.cpu, theirs.cpu, { ratio: '<=', value: 0.005 });
    row('transcripts: the same, against find(1), which asks for the size of each file', 'CPU s', second.cpu, find.cpu, { ratio: '<=', value: 1 });
    const [start] = await alternate([() => measureFinely([binary, 'version'], env)], 15);
    note(`of which ${start.cpu.toFixed(3)} CPU s are the program's start`);
    const session = path.basename(file, '.jsonl'), input = JSON.stringify({ session_id: session, model: { display_name: 'Opus' }, transcript_path: file });
    const [line, itsLine] = await alternate([() => measure([binary, 'usage', 'statusline'], env, input), () => measure([ccusage, 'statusline', '--offline', '--no-cache'], env, input)], 5);
    row('transcripts: a status line', 'ms', line.ms, itsLine.ms, { ours: '<', value: 100 });
    await manyFiles(folder('many'));
}
