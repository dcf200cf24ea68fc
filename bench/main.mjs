// main.mjs -- runs the groups of figures, one after the other.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const [build = 'build-bench', ...chosen] = process.argv.slice(2);
process.env.MUSTER_BUILD = path.resolve(here, '..', build);

const groups = ['metrics', 'jobs', 'bus', 'footprint', 'workers', 'status', 'scheduler', 'transcripts', 'hub'];
const { cleanUp, missedGoals, note } = await import('./measure.mjs');
console.log('what, ours, peer, ratio, goal');
for (const group of chosen.length ? chosen : groups) {
    const { default: measure } = await import(`./${group}.mjs`);
    try {
        await measure();
    } catch (error) {
        note(`${group} did not run to its end: ${error.message}`);
        process.exitCode = 1;
    } finally {
        await cleanUp();
    }
}
if (missedGoals()) note(`${missedGoals()} goal(s) missed`);
else if (!process.exitCode) note('every goal met');
