// cleanup.mjs -- what a test leaves behind is undone last in, first out: processes before the folder they live in.
const stacks = new WeakMap();

export function atEnd(t, undo) {
    if (!t) return;
    let stack = stacks.get(t);
    if (!stack) {
        stack = [];
        stacks.set(t, stack);
        t.after(async () => {
            const failures = [];
            while (stack.length) await Promise.resolve().then(stack.pop()).catch((error) => failures.push(error));
            if (failures.length) throw failures[0];
        });
    }
    stack.push(undo);
}
