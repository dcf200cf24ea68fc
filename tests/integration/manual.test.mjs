// Manual pages, completions and help: printed from the tables, clean by the tools that read them, and complete.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { binary, build, environmentFor, muster, root, run, temporaryFolder } from '../lib/node.mjs';

const ok = async (...args) => {
    const { code, stdout, stderr } = await muster(args);
    assert.equal(code, 0, `muster ${args.join(' ')}: ${stderr}`);
    return stdout;
};

// What `muster help` lists.
async function commandNames() {
    const listed = (await ok('help')).split('Commands:\n')[1].split('\n\n')[0];
    const names = [...listed.matchAll(/^ {2}([a-z]\S*)/gm)].map((m) => m[1]);
    assert.ok(names.length >= 9 && names.includes('jobs'), listed);
    return names;
}

const helpOptions = (help) => [...help.split('Options:\n')[1].matchAll(/^ {2}(?:-(\w), | {4})--([a-z-]+)/gm)].map((m) => ({ letter: m[1], name: m[2] }));
const helpVerbs = (help, command) => [...help.split('\n\n')[0].matchAll(new RegExp(`^ {2}muster ${command} ([a-z]\\S*)`, 'gm'))].map((m) => m[1]);
const tool = (argv, input, more = {}) => run(argv, { input, cwd: root, env: { ...environmentFor('/tmp'), ...more } });

test('every page passes the lint of mandoc and the warnings of groff', async (t) => {
    const dir = temporaryFolder(t);
    await ok('manual', 'write', dir);
    const pages = (await ok('manual', 'list')).trim().split('\n');
    for (const command of await commandNames()) assert.ok(pages.includes(`muster-${command}.1`), command);
    for (const page of ['muster.1', 'muster.conf.5', 'muster-shim.8']) assert.ok(pages.includes(page), page);
    for (const page of pages) {
        const file = path.join(dir, `man${page.at(-1)}`, page);
        assert.equal(readFileSync(file, 'utf8'), await ok('manual', 'show', page));
        const mandoc = await tool(['mandoc', '-T', 'lint', '-W', 'warning', file]);
        assert.equal(mandoc.stdout + mandoc.stderr, '', page);
        const groff = await tool(['groff', '-ww', '-man', '-Tutf8', '-z', file]);
        assert.equal(groff.stdout + groff.stderr, '', page);
    }
});

test('a page shows every verb and option of its command, dashes that can be copied, and the usual sections', async () => {
    for (const command of await commandNames()) {
        const source = await ok('manual', 'show', `muster-${command}`);
        const { stdout: page } = await tool(['mandoc', '-T', 'utf8', '-O', 'width=200'], source);
        const text = page.replace(/.\x08/g, ''); // overstruck for bold
        const help = await ok(command, '--help');
        for (const { letter, name } of helpOptions(help)) assert.match(text, new RegExp(`^ +${letter ? `-${letter}, ` : ''}--${name}\\b`, 'm'), `${command} --${name}`);
        for (const verb of helpVerbs(help, command)) assert.match(text, new RegExp(`^ {5,}${verb}\\b`, 'm'), `${command} ${verb}`);
        for (const section of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXIT STATUS', 'ENVIRONMENT', 'FILES', 'SEE ALSO'])
            assert.match(text, new RegExp(`^${section}$`, 'm'), `${command}: ${section}`);
    }
});

test('muster.conf(5) has every key that config show knows, and the variable that sets it', async () => {
    const { values } = JSON.parse(await ok('config', 'show', '--json'));
    const source = await ok('manual', 'show', 'muster.conf');
    const { stdout } = await tool(['mandoc', '-T', 'utf8', '-O', 'width=200'], source);
    const text = stdout.replace(/.\x08/g, '');
    for (const key of Object.keys(values)) {
        assert.match(text, new RegExp(`^ +${key.split('.').at(-1)} `, 'm'), key);
        assert.ok(text.includes(`MUSTER_${key.replace('.', '_').toUpperCase()}.`), key);
    }
});

test('help is the same by either way, and its columns begin at one character', async () => {
    for (const command of await commandNames()) {
        const help = await ok('help', command);
        assert.equal(await ok(command, '--help'), help);
        // The explanation begins behind two spaces or more; a row without one has it on the next line.
        for (const part of [/^Usage:\n([^]*?)\n\n/, /^Options:\n([^]*?)(?:\n\n|$)/m]) {
            const rows = help.match(part)?.[1].split('\n') ?? [];
            const columns = new Set(rows.map((row) => [...(row.match(/^ {2}(?: {4})?\S.*? {2,}(?=\S)/)?.[0] ?? '')].length).filter(Boolean));
            assert.ok(columns.size <= 1, `${command}: ${[...columns]}\n${help}`);
        }
        for (const line of help.split('\n')) assert.ok([...line].length <= 100, line);
    }
});

test('a wrong word is answered with the nearest right one', async () => {
    const cases = [[['stats'], 2, 'did you mean "status"'], [['jobs', 'lst'], 2, 'did you mean "list"'], [['help', 'job'], 2, 'did you mean "jobs"'],
        [['--config', 'x', 'jobs'], 2, 'behind the command'], [['manuel'], 2, 'see muster help'], [['jobs', '--no-such'], 2, 'no option --no-such'], [[], 2, 'Usage: muster COMMAND']];
    for (const [args, code, text] of cases) {
        const answer = await muster(args);
        assert.equal(answer.code, code, args.join(' '));
        assert.ok(answer.stderr.includes(text), answer.stderr);
        assert.equal(answer.stdout, '');
    }
    assert.match(await ok('--version'), /^muster \d+\.\d+\.\d+\n$/);
});

test('what cannot be printed is a failure', async () => {
    for (const args of ['help', '--version', 'jobs --help', 'config show', 'manual list']) {
        const { code, stderr } = await tool(['sh', '-c', `"${binary}" ${args} >/dev/full`]);
        assert.equal(code, 1, args);
        assert.match(stderr, /cannot be written/);
    }
});

// bash fills COMPREPLY; the last word is the one under the cursor.
async function bashCompletes(file, words) {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _muster; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { code, stdout, stderr } = await tool(['bash', '-uec', script, 'bash', file, ...words]);
    assert.equal(code, 0, stderr);
    return stdout.split('\n').filter(Boolean).sort();
}

test('bash completes commands, verbs, options and values', async (t) => {
    const file = path.join(temporaryFolder(t), 'muster');
    writeFileSync(file, await ok('manual', 'completion', 'bash'));
    assert.equal((await tool(['bash', '-n', file])).stderr, '');
    const commands = await commandNames();
    assert.deepEqual(await bashCompletes(file, ['muster', '']), [...commands, 'help'].sort());
    assert.deepEqual(await bashCompletes(file, ['muster', 'jo']), ['jobs']);
    assert.deepEqual(await bashCompletes(file, ['muster', 'help', 'tas']), ['tasks']);
    assert.deepEqual(await bashCompletes(file, ['muster', 'jobs', '--state', 'c']), ['cancelled']);
    assert.deepEqual(await bashCompletes(file, ['muster', 'jobs', '--state', 'done', 'li']), ['list']);
    for (const command of commands) {
        const help = await ok(command, '--help');
        const options = helpOptions(help).flatMap(({ letter, name }) => [`--${name}`, ...(letter ? [`-${letter}`] : [])]);
        assert.deepEqual(await bashCompletes(file, ['muster', command, '-']), options.sort(), command);
        const verbs = helpVerbs(help, command);
        if (verbs.length) assert.deepEqual(await bashCompletes(file, ['muster', command, '']), verbs.sort());
    }
    const there = await bashCompletes(file, ['muster', 'config', 'check', '--config', 'README']);
    assert.deepEqual(there, ['README.md']);
});

test('zsh and fish read their completions, and fish completes', async (t) => {
    const dir = temporaryFolder(t);
    writeFileSync(path.join(dir, '_muster'), await ok('manual', 'completion', 'zsh'));
    assert.equal((await tool(['zsh', '-n', path.join(dir, '_muster')])).stderr, '');
    // compinit finds the function by its first line.
    const loaded = await tool(['zsh', '-fc', `fpath=("$1" $fpath); autoload -Uz compinit && compinit -D -u && print $_comps[muster]`, 'zsh', dir]);
    assert.equal(loaded.stdout, '_muster\n', loaded.stderr);

    const fish = path.join(dir, 'muster.fish');
    writeFileSync(fish, await ok('manual', 'completion', 'fish'));
    mkdirSync(path.join(dir, 'home'));
    const complete = async (line) => {
        const { code, stdout, stderr } = await tool(['fish', '--no-config', '-c', `source $argv[1]; complete -C $argv[2]`, fish, line], undefined, { HOME: path.join(dir, 'home') });
        assert.equal(code, 0, stderr);
        return stdout.split('\n').filter(Boolean).map((row) => row.split('\t')[0]);
    };
    assert.deepEqual((await complete('muster ')).sort(), [...(await commandNames()), 'help'].sort());
    assert.ok((await complete('muster jobs ')).includes('cancel'));
    assert.deepEqual(await complete('muster jobs list --state ca'), ['cancelled']);
    assert.deepEqual(await complete('muster tokens create x --rol'), ['--role']);
});

test('make install brings programs, pages, completions and units, below DESTDIR alone', async (t) => {
    const dir = temporaryFolder(t);
    const made = await tool(['ninja', '-C', build, 'muster', 'muster-shim', 'extras']);
    assert.equal(made.code, 0, made.stdout);
    const installed = await tool(['meson', 'install', '-C', build, '--no-rebuild', '--destdir', dir]);
    assert.equal(installed.code, 0, installed.stdout + installed.stderr);
    const prefix = path.join(dir, 'usr/local');
    const pages = (await ok('manual', 'list')).trim().split('\n').map((page) => `share/man/man${page.at(-1)}/${page}`);
    for (const file of ['bin/muster', 'bin/muster-shim', ...pages, 'share/bash-completion/completions/muster', 'share/zsh/site-functions/_muster',
        'share/fish/vendor_completions.d/muster.fish', 'lib/systemd/system/muster.service', 'lib/sysusers.d/muster.conf', 'lib/tmpfiles.d/muster.conf'])
        assert.ok(existsSync(path.join(prefix, file)), file);
    assert.deepEqual(readdirSync(dir), ['usr']);
    assert.match(readFileSync(path.join(prefix, 'lib/systemd/system/muster.service'), 'utf8'), /^ExecStart=\/usr\/local\/bin\/muster serve$/m);
});
