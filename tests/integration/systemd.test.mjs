// The unit: systemd reads it without a word, it exposes little, and agents can work in it and outlive the node (spec 20 Q12).
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { binary, build, environmentFor, root, run, temporaryFolder } from '../lib/node.mjs';

// The unit as installed, with this build's program, which is there to be found.
function unit(t, name = 'muster.service') {
    const file = path.join(temporaryFolder(t), name);
    writeFileSync(file, readFileSync(path.join(build, 'dist', name), 'utf8').replace(/^ExecStart=\S+/m, `ExecStart=${binary}`));
    return file;
}
const tool = (...argv) => run(argv, { cwd: root, env: { ...environmentFor('/tmp'), SYSTEMD_COLORS: '0' } });

for (const name of ['muster.service', 'muster-hub.service']) {
    test(`systemd-analyze verify has nothing to say of ${name}`, async (t) => {
        const { code, stdout, stderr } = await tool('systemd-analyze', 'verify', '--man=no', unit(t, name));
        assert.equal(stdout + stderr, '');
        assert.equal(code, 0);
    });

    test(`systemd-analyze security gives ${name} 2.0 at most`, async (t) => {
        const { stdout, stderr } = await tool('systemd-analyze', 'security', '--offline=yes', '--no-pager', unit(t, name));
        const level = Number(stdout.match(/Overall exposure level for \S+: ([\d.]+)/)?.[1]);
        assert.ok(level <= 2.0, `${level}\n${stdout}${stderr}`);
    });
}

test('the unit leaves agents alone when the node ends, and lets their tools work', () => {
    const text = readFileSync(path.join(root, 'dist/muster.service.in'), 'utf8');
    const value = (key) => text.match(new RegExp(`^${key}=(.*)$`, 'm'))?.[1];
    assert.equal(value('Type'), 'notify');
    assert.equal(value('Restart'), 'on-failure');
    assert.ok(value('WatchdogSec'));
    assert.equal(value('KillMode'), 'process'); // systemd.kill(5): the others stay
    assert.equal(value('OOMPolicy'), 'continue'); // systemd.service(5): "stop" would end all of the cgroup
    assert.equal(value('Delegate'), 'yes');
    // Each of these would break what the comment beside it names.
    for (const key of ['PrivateTmp', 'MemoryDenyWriteExecute', 'PrivateNetwork', 'ProtectControlGroups', 'RemoveIPC', 'ProcSubset', 'DynamicUser'])
        assert.equal(value(key), undefined, key);
});

test('sysusers and tmpfiles are read without a word', async (t) => {
    const dir = temporaryFolder(t);
    mkdirSync(path.join(dir, 'etc'));
    for (const [program, file] of [['systemd-sysusers', 'muster.sysusers'], ['systemd-tmpfiles', 'muster.tmpfiles']]) {
        const more = program === 'systemd-tmpfiles' ? ['--create', '--clean'] : [];
        if (program === 'systemd-tmpfiles') await tool('systemd-sysusers', `--root=${dir}`, path.join(root, 'dist/muster.sysusers'));
        const { code, stdout, stderr } = await tool(program, ...more, `--root=${dir}`, path.join(root, 'dist', file));
        assert.equal(code, 0, `${program}: ${stdout}${stderr}`);
    }
    assert.match(readFileSync(path.join(dir, 'etc/passwd'), 'utf8'), /^muster:.*:\/var\/lib\/muster:/m);
});
