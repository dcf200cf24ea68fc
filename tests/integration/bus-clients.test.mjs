// Real clients on the embedded bus and on nats-server: the same file, the same behaviour.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headers, ErrorCode, Empty, StringCodec } from 'nats';
import { RawBus, client, servers } from '../lib/bus.mjs';
import { waitUntil } from '../lib/wait.mjs';

const text = StringCodec();

// Collects what a subscription gets as [subject, text].
function collect(sub) {
    const got = [];
    (async () => {
        for await (const m of sub) got.push([m.subject, text.decode(m.data)]);
    })();
    return got;
}

for (const [name, start] of Object.entries(servers)) {
    test(`${name}: what is published is got by who subscribed, in order, and by nobody else`, async (t) => {
        const { port } = await start(t);
        const [publisher, a, b] = [await client(t, port), await client(t, port), await client(t, port)];
        const first = collect(a.subscribe('orders.new')), second = collect(b.subscribe('orders.new')), other = collect(b.subscribe('orders.old'));
        await a.flush();
        await b.flush();
        for (let i = 0; i < 1000; i++) publisher.publish('orders.new', text.encode(String(i)));
        await publisher.flush();
        const expected = Array.from({ length: 1000 }, (_, i) => ['orders.new', String(i)]);
        await waitUntil(() => first.length === 1000 && second.length === 1000, 'all of them');
        assert.deepEqual(first, expected);
        assert.deepEqual(second, expected);
        assert.deepEqual(other, []);
    });

    test(`${name}: spec 40 B2, * is one token and > one or more, case matters`, async (t) => {
        const { port } = await start(t);
        const nc = await client(t, port);
        const patterns = ['system.*.health', 'topology.>', '*', '>', 'a.*.c', 'System.api.health'];
        const got = Object.fromEntries(patterns.map((pattern) => [pattern, collect(nc.subscribe(pattern))]));
        const subjects = ['system.bus.health', 'system.a-b.health', 'system.health', 'system.a.b.health', 'topology', 'topology.x', 'topology.x.y.z', 'a.b.c', 'a.b.c.d'];
        for (const subject of subjects) nc.publish(subject, text.encode('x'));
        await nc.flush();
        const seen = (pattern) => got[pattern].map(([subject]) => subject).filter((subject) => subjects.includes(subject));
        await waitUntil(() => seen('>').length === subjects.length, 'all of them');
        assert.deepEqual(seen('system.*.health').slice(0, 2), ['system.bus.health', 'system.a-b.health']);
        assert.equal(seen('system.*.health').filter((subject) => !/^system\.[^.]+\.health$/.test(subject)).length, 0);
        assert.deepEqual(seen('topology.>'), ['topology.x', 'topology.x.y.z']);
        assert.deepEqual(seen('*'), ['topology']);
        assert.deepEqual(seen('a.*.c'), ['a.b.c']);
        assert.deepEqual(seen('System.api.health'), []);
    });

    test(`${name}: one member of a queue group gets a message, all members get some, who is outside gets all`, async (t) => {
        const { port } = await start(t);
        const nc = await client(t, port);
        const members = [];
        for (let i = 0; i < 3; i++) members.push(collect((await client(t, port)).subscribe(i ? 'jobs.*' : 'jobs.new', { queue: 'workers' })));
        const outside = collect(nc.subscribe('jobs.>'));
        await waitUntil(async () => {
            nc.publish('jobs.new', text.encode('probe'));
            await nc.flush();
            return members.every((got) => got.length > 0);
        }, 'every member to have got one');
        const total = () => members.reduce((sum, got) => sum + got.length, 0);
        await waitUntil(() => total() === outside.length, 'as many in the group as outside');
        const before = total();
        for (let i = 0; i < 300; i++) nc.publish('jobs.new', text.encode(String(i)));
        await nc.flush();
        await waitUntil(() => outside.length === before + 300 && total() === before + 300, '300 more, once each');
        const all = members.flat().map(([, body]) => body).filter((body) => body !== 'probe').map(Number).sort((a, b) => a - b);
        assert.deepEqual(all, Array.from({ length: 300 }, (_, i) => i));
    });

    test(`${name}: a request gets its answer, and where nobody is there it is told at once`, async (t) => {
        const { port } = await start(t);
        const [service, nc] = [await client(t, port), await client(t, port)];
        service.subscribe('sum', { callback: (_, m) => m.respond(text.encode(String(text.decode(m.data).split('+').reduce((s, n) => s + Number(n), 0)))) });
        await service.flush();
        assert.equal(text.decode((await nc.request('sum', text.encode('1+2+39'), { timeout: 20_000 })).data), '42');
        await assert.rejects(nc.request('nobody', Empty, { timeout: 20_000 }), (error) => error.code === ErrorCode.NoResponders);
    });

    test(`${name}: headers arrive as they were sent, and who does not know headers gets the rest`, async (t) => {
        const { port } = await start(t);
        const nc = await client(t, port), raw = await RawBus.open(t, port, 'CONNECT {"verbose":false,"headers":false}\r\nSUB h.> 9\r\n');
        await raw.settle();
        const got = [];
        nc.subscribe('h.>', { callback: (_, m) => got.push(m) });
        const h = headers();
        h.append('Trace', 'abc');
        h.append('Trace', 'def');
        nc.publish('h.x', text.encode('body'), { headers: h });
        await nc.flush();
        await waitUntil(() => got.length === 1, 'the message');
        assert.deepEqual(got[0].headers.values('Trace'), ['abc', 'def']);
        assert.equal(text.decode(got[0].data), 'body');
        await raw.waitText('MSG h.x 9 4\r\nbody\r\n');
    });

    test(`${name}: drain gives what is under way, then ends`, async (t) => {
        const { port } = await start(t);
        const [nc, publisher] = [await client(t, port), await client(t, port)];
        const got = collect(nc.subscribe('d'));
        await nc.flush();
        for (let i = 0; i < 500; i++) publisher.publish('d', text.encode(String(i)));
        await publisher.flush();
        await nc.drain();
        assert.equal(got.length, 500);
        assert.equal(nc.isClosed(), true);
    });

    test(`${name}: a client comes back after the server restarts, with its subscriptions`, async (t) => {
        const server = await start(t);
        const nc = await client(t, server.port), got = collect(nc.subscribe('again.>'));
        await nc.flush();
        await server.stop();
        await server.start();
        await waitUntil(async () => {
            const other = await client(t, server.port);
            other.publish('again.x', text.encode('x'));
            await other.flush();
            return got.length > 0;
        }, 'a message after the restart', 30_000);
    });

    test(`${name}: unsubscribing after n messages counts from the beginning`, async (t) => {
        const { port } = await start(t);
        const raw = await RawBus.open(t, port);
        raw.send('SUB m 1\r\nPUB m 1\r\na\r\nUNSUB 1 3\r\nPUB m 1\r\nb\r\nPUB m 1\r\nc\r\nPUB m 1\r\nd\r\n');
        assert.equal(await raw.settle(), 'MSG m 1 1\r\na\r\nMSG m 1 1\r\nb\r\nMSG m 1 1\r\nc\r\n');
        raw.send('SUB n 2\r\nPUB n 1\r\na\r\nUNSUB 2 1\r\nPUB n 1\r\nb\r\nUNSUB 77\r\n');
        assert.equal((await raw.settle()).replace(/^[^]*c\r\n/, ''), 'MSG n 2 1\r\na\r\n');
    });

    test(`${name}: a session as in the protocol's documentation`, async (t) => {
        const { port } = await start(t);
        const raw = await RawBus.open(t, port, 'CONNECT {}\r\n'); // verbose is the default
        raw.send('PING\r\nSUB FOO.* 90\r\nPUB FOO.BAR 11\r\nHello NATS!\r\n');
        await raw.waitText('Hello NATS!\r\n');
        assert.equal(raw.afterInfo, '+OK\r\nPONG\r\n+OK\r\n+OK\r\nMSG FOO.BAR 90 11\r\nHello NATS!\r\n');
        raw.send('PUB FOO.EMPTY INBOX.1 0\r\n\r\nUNSUB 90\r\nPUB FOO.BAR 1\r\nx\r\n');
        assert.match(await raw.settle(), /\+OK\r\nMSG FOO\.EMPTY 90 INBOX\.1 0\r\n\r\n\+OK\r\n\+OK\r\n$/);
        assert.equal(raw.info.headers, true);
        assert.equal(raw.info.max_payload, 1048576);
        assert.equal(raw.info.proto, 1);
    });

    test(`${name}: echo false keeps one's own messages away`, async (t) => {
        const { port } = await start(t);
        const raw = await RawBus.open(t, port, 'CONNECT {"verbose":false,"echo":false}\r\nSUB e 1\r\nPUB e 1\r\nx\r\n');
        const other = await RawBus.open(t, port, 'CONNECT {"verbose":false}\r\nPUB e 1\r\ny\r\n');
        await other.settle();
        await raw.waitText('MSG e 1 1\r\ny\r\n');
        assert.equal(await raw.settle(), 'MSG e 1 1\r\ny\r\n');
    });

    test(`${name}: errors that end a connection have the words that clients know`, async (t) => {
        const { port } = await start(t);
        for (const [bytes, words] of [
            ['XYZ\r\n', 'Unknown Protocol Operation'],
            ['GET / HTTP/1.1\r\n', 'Unknown Protocol Operation'],
            ['PUB a 2097152\r\n', 'Maximum Payload Violation'],
            [`SUB ${'a'.repeat(5000)} 1\r\n`, 'Maximum Control Line Exceeded'],
        ]) {
            const raw = await RawBus.open(t, port);
            raw.send(bytes);
            await raw.waitClosed();
            assert.equal(raw.afterInfo.trim().toLowerCase(), `-ERR '${words}'`.toLowerCase(), bytes.slice(0, 20));
        }
        const raw = await RawBus.open(t, port);
        raw.send('SUB a..b 1\r\nSUB a.>.b 2\r\nSUB .a 3\r\n');
        assert.equal(await raw.settle(), "-ERR 'Invalid Subject'\r\n".repeat(3)); // and it goes on
    });

    test(`${name}: with a token who shows none or a wrong one stays outside`, async (t) => {
        const { port } = await start(t, { token: 'a-token-of-the-bus' });
        for (const bytes of ['CONNECT {"verbose":false}\r\nPING\r\n', 'CONNECT {"verbose":false,"auth_token":"wrong"}\r\nPING\r\n', 'PUB a 1\r\nx\r\n']) {
            const raw = await RawBus.open(t, port, bytes);
            assert.equal(raw.info.auth_required, true);
            await raw.waitClosed();
            assert.equal(raw.afterInfo, "-ERR 'Authorization Violation'\r\n", bytes);
        }
        const silent = await RawBus.open(t, port, '');
        await silent.waitClosed();
        assert.equal(silent.afterInfo, "-ERR 'Authentication Timeout'\r\n");
        await assert.rejects(client(t, port, { token: 'wrong', reconnect: false }), (error) => error.code === ErrorCode.AuthorizationViolation);
        await (await client(t, port, { token: 'a-token-of-the-bus' })).flush();
    });

    test(`${name}: 5,000 messages in one write lose nothing for a live reader`, async (t) => {
        const { port } = await start(t);
        const [reader, writer] = [await RawBus.open(t, port), await RawBus.open(t, port)];
        reader.send('SUB burst 1\r\n');
        await reader.settle();
        const numbers = Array.from({ length: 5000 }, (_, i) => String(i).padStart(8, '0'));
        writer.send(numbers.map((n) => `PUB burst 8\r\n${n}\r\n`).join(''));
        await reader.waitText(`\r\n${numbers.at(-1)}\r\n`);
        assert.deepEqual([...reader.text.matchAll(/MSG burst 1 8\r\n(\d{8})\r\n/g)].map((m) => m[1]), numbers);
    });
}
