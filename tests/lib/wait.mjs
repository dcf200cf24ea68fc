// wait.mjs -- waiting on what can be observed.  No test sleeps: it polls an observable until it holds, or fails with the
// last value seen.  Deadlines are generous and only ever reached by a failure; MUSTER_TEST_SLOWNESS stretches them for
// sanitizer builds.
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';

export const slowness = Number(process.env.MUSTER_TEST_SLOWNESS ?? 1);
export const deadline = (ms) => ms * slowness;

const POLL_MS = 15;
const nothingSeen = Symbol('nothing');

// Calls fn until it returns something truthy, and returns that.  What fn throws counts as "not yet".
export async function waitUntil(fn, what, deadlineMs = 15_000, pollMs = POLL_MS) {
    const end = performance.now() + deadline(deadlineMs);
    let last = nothingSeen;
    for (;;) {
        try {
            last = await fn();
            if (last) return last;
        } catch (error) {
            last = error;
        }
        if (performance.now() > end) break;
        await pause(pollMs);
    }
    const seen = last instanceof Error ? (last.stack ?? last.message) : inspect(last, { depth: 6 });
    throw new Error(`waited ${deadline(deadlineMs)} ms for ${what}; last seen: ${seen}`);
}

// Holds a condition for as long as something else is awaited: rejects as soon as fn returns something falsy.
export async function staysTrue(fn, what, until) {
    let over = false;
    const watch = (async () => {
        while (!over) {
            if (!(await fn())) throw new Error(`${what} no longer holds`);
            await pause(POLL_MS);
        }
    })();
    const done = Promise.resolve(until).finally(() => (over = true));
    await Promise.all([watch, done]);
    return done;
}

export function withDeadline(promise, what, deadlineMs = 15_000) {
    let timer;
    const limit = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited ${deadline(deadlineMs)} ms for ${what}`)), deadline(deadlineMs));
    });
    return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
