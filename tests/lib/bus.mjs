// bus.mjs -- buses to test against: the embedded one of a node, and Debian's nats-server, which is the yardstick.
import { spawn } from 'node:child_process';
import net from 'node:net';
import { connect } from 'nats';
import { atEnd } from './cleanup.mjs';
import { RawConnection } from './http.mjs';
import { startNode, temporaryFolder } from './node.mjs';
import { deadline, waitUntil } from './wait.mjs';

export const freePort = () => new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address();
        probe.close(() => resolve(port));
    });
});

export const accepts = (target) => waitUntil(() => new Promise((resolve) => {
    const socket = net.connect(target, () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
}), `something to listen on ${JSON.stringify(target)}`);

// nats-server on a port of its own (or the given one): { port, child, stop() }.
export async function startNatsServer(t, { port, args = [], wrapper = [] } = {}) {
    const chosen = port ?? await freePort();
    const argv = [...wrapper, 'nats-server', '-a', '127.0.0.1', '-p', String(chosen), ...args];
    const child = spawn(argv[0], argv.slice(1), { cwd: temporaryFolder(t), stdio: 'ignore' });
    const exited = new Promise((resolve) => child.on('exit', resolve));
    const stop = async (signal = 'SIGKILL') => {
        if (child.exitCode === null && child.signalCode === null) child.kill(signal);
        await exited;
    };
    atEnd(t, stop);
    if (!wrapper.length) await accepts({ host: '127.0.0.1', port: chosen });
    return { port: chosen, child, stop };
}

// The two servers that the same tests run against.  restart() comes back on the same port.
export const servers = {
    'the embedded bus': async (t, { token } = {}) => {
        const port = await freePort();
        const node = await startNode(t, { env: { MUSTER_BUS_LISTEN: `127.0.0.1:${port}`, ...(token ? { MUSTER_BUS_TOKEN: token } : {}) } });
        return { port, node, stop: () => node.stop(), start: () => node.start() };
    },
    'nats-server': async (t, { token } = {}) => {
        const args = token ? ['--auth', token] : [];
        let server = await startNatsServer(t, { args });
        const { port } = server;
        return { port, stop: () => server.stop('SIGTERM'), start: async () => (server = await startNatsServer(t, { port, args })) };
    },
};

// A real client, closed when the test ends.
export async function client(t, port, options = {}) {
    const nc = await connect({ servers: `127.0.0.1:${port}`, timeout: deadline(10_000), reconnectTimeWait: 50, maxReconnectAttempts: -1, ...options });
    nc.closed().catch(() => {});
    atEnd(t, () => nc.close());
    return nc;
}

// A plain socket that speaks the protocol by hand.
export class RawBus {
    constructor(raw) { this.raw = raw; }
    static async open(t, target, first = 'CONNECT {"verbose":false,"pedantic":false}\r\n') {
        const raw = await RawConnection.open(typeof target === 'number' ? { host: '127.0.0.1', port: target } : target);
        atEnd(t, () => raw.destroy());
        const bus = new RawBus(raw);
        await waitUntil(() => raw.text.includes('\r\n'), 'INFO');
        raw.write(first);
        return bus;
    }
    get text() { return this.raw.text; }
    get info() { return JSON.parse(this.text.match(/^INFO (\{.*?\}) ?\r\n/)[1]); }
    get afterInfo() { return this.text.replace(/^INFO .*?\r\n/, ''); }
    send(bytes) { this.raw.write(bytes); return this; }
    waitText(text, what = JSON.stringify(text)) {
        return waitUntil(() => this.text.includes(text), what).catch((error) => {
            error.message += `\nwas: ${JSON.stringify(this.text.slice(-500))}`;
            throw error;
        });
    }
    // All that was asked before is answered when this resolves.
    async settle() {
        const before = this.text.split('PONG\r\n').length;
        this.send('PING\r\n');
        await waitUntil(() => this.text.split('PONG\r\n').length > before, 'PONG');
        return this.afterInfo.replaceAll('PONG\r\n', '');
    }
    waitClosed() { return this.raw.waitClosed(); }
}
