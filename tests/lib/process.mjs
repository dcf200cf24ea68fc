// process.mjs -- what /proc says about processes.  A process is (pid, start ticks); a zombie counts as gone, since pid 1
// of a container may never reap it.
import { readFileSync, readdirSync } from 'node:fs';
import { waitUntil } from './wait.mjs';

const read = (path) => {
    try {
        return readFileSync(path, 'latin1');
    } catch {
        return null;
    }
};

// proc(5): the name ends at the last ')', and field numbers count from 1.
export function stat(pid) {
    const line = read(`/proc/${pid}/stat`);
    if (!line) return null;
    const end = line.lastIndexOf(')');
    const field = line.slice(end + 2).trim().split(' ');
    const number = (n) => Number(field[n - 3]);
    return {
        pid: Number(pid), comm: line.slice(line.indexOf('(') + 1, end), state: field[0], ppid: number(4), pgrp: number(5),
        session: number(6), utime: number(14), stime: number(15), cutime: number(16), cstime: number(17),
        startTicks: number(22), rssPages: number(24),
    };
}

export function alive(pid, startTicks) {
    const s = stat(pid);
    return s !== null && s.state !== 'Z' && s.state !== 'X' && (startTicks === undefined || s.startTicks === startTicks);
}

export const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
export const all = () => pids().map(stat).filter((s) => s && s.state !== 'Z' && s.state !== 'X');
export const commandLine = (pid) => (read(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1);
export const environment = (pid) =>
    Object.fromEntries((read(`/proc/${pid}/environ`) ?? '').split('\0').filter(Boolean).map((e) => [e.slice(0, e.indexOf('=')), e.slice(e.indexOf('=') + 1)]));
export const openFiles = (pid) => readdirSync(`/proc/${pid}/fd`).length;
export const children = (pid) => all().filter((s) => s.ppid === pid);

// All processes below pid, nearest first.
export function tree(pid) {
    const processes = all();
    const found = processes.filter((s) => s.ppid === pid);
    for (let i = 0; i < found.length; i++) found.push(...processes.filter((s) => s.ppid === found[i].pid));
    return found;
}

// Memory that would be free again without the process, in bytes.
export function privateBytes(pid) {
    const rollup = read(`/proc/${pid}/smaps_rollup`) ?? '';
    const kb = (name) => Number(rollup.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))?.[1] ?? 0);
    return (kb('Private_Clean') + kb('Private_Dirty')) * 1024;
}

export const clockTicks = 100; // sysconf(_SC_CLK_TCK) on every Linux that runs Debian

export function kill(pid, signal = 'SIGKILL') {
    try {
        process.kill(pid, signal);
        return true;
    } catch (error) {
        if (error.code === 'ESRCH') return false;
        throw error;
    }
}

export const waitGone = (pid, startTicks, what = `process ${pid} to be gone`, ms) =>
    waitUntil(() => !alive(pid, startTicks), what, ms);
