// netns.mjs -- a network of two: this host, and a namespace at the other end of a line that can be cut without a word to either.
import { atEnd } from './cleanup.mjs';
import { run } from './node.mjs';

const ip = async (...args) => (await run(['ip', ...args], { cwd: '/', env: process.env })).code === 0;
let count = 0;

// Null when it cannot be made here.  `address` is the other end's; `wrapper` starts a program there.
export async function farEnd(t) {
    const name = `${process.pid}.${count++}`, space = `mb${name}`, outer = `mo${name}`, inner = `mi${name}`;
    const net = `10.${200 + (process.pid % 50)}.${(process.pid + count) % 250}`;
    if (process.getuid() !== 0 || !(await ip('netns', 'add', space))) return null;
    atEnd(t, () => ip('netns', 'del', space));
    for (const step of [
        ['link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', space],
        ['addr', 'add', `${net}.1/24`, 'dev', outer],
        ['-n', space, 'addr', 'add', `${net}.2/24`, 'dev', inner],
        ['-n', space, 'link', 'set', inner, 'up'],
        ['link', 'set', outer, 'up'],
    ]) if (!(await ip(...step))) throw new Error(`ip ${step.join(' ')} failed`);
    return {
        address: `${net}.2`,
        wrapper: ['ip', 'netns', 'exec', space],
        // Either end may be cut: this one's is noticed by the kernel as a network that is not there, the other one's by nobody.
        cut: () => ip('link', 'set', outer, 'down'),
        heal: () => ip('link', 'set', outer, 'up'),
        cutFar: () => ip('-n', space, 'link', 'set', inner, 'down'),
        healFar: () => ip('-n', space, 'link', 'set', inner, 'up'),
    };
}
