// cleanup.mjs -- what a test leaves behind is undone last in, first out: processes before the folder they live in.
// An undo that does not end fails the test by name and keeps nobody else waiting.
import { withDeadline } from './wait.mjs';

const stacks = new WeakMap();

export function atEnd(t, undo) {
    if (!t) return;
    let stack = stacks.get(t);
    if (!stack) {
        stack = [];
        stacks.set(t, stack);
        t.after(async () => {
            const failures = [];
            while (stack.length) {
                const undo = stack.pop();
                await withDeadline(Promise.resolve().then(undo), `the end of ${undo}`, 60_000).catch((error) => failures.push(error));
            }
            if (failures.length) throw failures[0];
        });
    }
    stack.push(undo);
}
