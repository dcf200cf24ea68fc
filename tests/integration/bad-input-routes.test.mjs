// Bad input for every route that /openapi.json lists, made from its schemas: 4xx problem+json that points to the field.
// A route that is added is tested without another line here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../lib/node.mjs';

const config = 'agent "a" { command = { "true", "{prompt}", "{args}" } }\nworkflow "w" { stages = { "one", "two" } }\n';

// A value of each field that would be taken, by its schema; names that must exist are those of the configuration above.
const known = { agent: 'a', agents: ['a'], workflow: 'w', stage: 'one', task_id: 1, class: 'retry', jobs: [] };

function good(name, schema) {
    if (name in known) return known[name];
    if (schema.enum) return schema.enum[0];
    const ofType = { string: schema.format === 'date-time' ? '2100-01-01T00:00:00Z' : 'x', integer: schema.minimum ?? 1, number: schema.minimum ?? 1, boolean: true, object: {}, array: ['x'] };
    return ofType[schema.type];
}

function goodBody(schema) {
    return Object.fromEntries(schema.required.map((name) => [name, good(name, schema.properties[name])]));
}

// [value, pointer below the field] that a schema refuses.
function refusedBy(schema) {
    const wrong = { string: [7, true, [], {}], integer: ['7', 1.5, true, [], 1e300], number: ['7', true, []], boolean: ['true', 1, []], object: ['x', 7, []], array: ['x', 7, {}] };
    const bad = (wrong[schema.type] ?? [7, true, 'x']).map((value) => [value, '']); // a field of no type is a list or an object
    if (schema.type === 'string') bad.push(['nul \u0000 byte', '']);
    if (schema.minLength > 0) bad.push(['', '']);
    if (schema.maxLength) bad.push(['x'.repeat(schema.maxLength + 1), '']);
    if (schema.enum) bad.push(['no such value', '']);
    if (schema.format === 'date-time') bad.push(['tomorrow', ''], ['2026-13-01T00:00:00Z', ''], ['2026-02-30T00:00:00Z', '']);
    if (Number.isSafeInteger(schema.minimum)) bad.push([schema.minimum - 1, '']);
    if (Number.isSafeInteger(schema.maximum)) bad.push([schema.maximum + 1, '']);
    if (schema.type === 'array' && schema.items?.type === 'string') bad.push([['x', 3], '/1']);
    if (schema.minItems > 0) bad.push([[], '']);
    if (schema.maxItems) bad.push([Array(schema.maxItems + 1).fill('x'), '']);
    if (schema.type === 'object' && schema.additionalProperties?.type === 'string') bad.push([{ A: 1 }, '/A']);
    return bad;
}

async function refused(node, method, path, body, expected, headers) {
    const answer = await node.request(method, path, body, headers);
    const what = `${method} ${path} ${Buffer.isBuffer(body) ? body : JSON.stringify(body)}`.slice(0, 200);
    assert.equal(answer.headers['content-type']?.split(';')[0], 'application/problem+json', `${what}: ${answer.status} ${answer.text}`);
    assert.ok([expected.status].flat().includes(answer.status), `${what}: ${answer.text}`);
    assert.equal(answer.json.status, answer.status, what);
    assert.ok(answer.json.type && answer.json.title && answer.json.detail, `${what}: ${answer.text}`);
    if (expected.pointer) assert.equal(answer.json.pointer, expected.pointer, what);
}

const fill = (path, id) => path.replace(/\{[^}]+\}/g, id);

async function routesOf(node) {
    const { paths } = (await node.get('/openapi.json')).json;
    return Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({
        path, method: method.toUpperCase(), operation, schema: operation.requestBody?.content['application/json'].schema,
        optional: operation.requestBody?.required === false,
    })));
}

test('every field of every body: the wrong type, too long, out of range, not one of its words', async (t) => {
    const node = await startNode(t, { config });
    await node.post('/api/v1/tasks', { work_item: 'x', workflow: 'w' });
    let tried = 0;
    for (const { path, method, schema } of await routesOf(node)) {
        if (!schema) continue;
        const url = fill(path, '1'), whole = goodBody(schema);
        for (const name of schema.required) {
            const { [name]: gone, ...rest } = whole;
            assert.notEqual(gone, undefined, `${path}: a value for ${name}`);
            await refused(node, method, url, rest, { status: 422, pointer: `/${name}` });
        }
        await refused(node, method, url, { ...whole, no_such_field: 1 }, { status: 422, pointer: '/no_such_field' });
        for (const [name, field] of Object.entries(schema.properties)) {
            for (const [value, below] of refusedBy(field)) {
                await refused(node, method, url, { ...whole, [name]: value }, { status: 422, pointer: `/${name}${below}` });
                tried++;
            }
        }
    }
    assert.ok(tried > 200, `${tried} bad values were tried`);
    const { queue } = (await node.get('/metrics')).json;
    assert.deepEqual(Object.values(queue.counts), [0, 0, 0, 0, 0], 'nothing was made');
});

test('every body: no JSON, no object, twice the same field, another type of content', async (t) => {
    const node = await startNode(t, { config });
    const json = { 'Content-Type': 'application/json' };
    for (const { path, method, schema, optional } of await routesOf(node)) {
        if (!schema) continue;
        const url = fill(path, '1'), [first] = Object.keys(schema.properties);
        const texts = ['x', '[1]', '"a"', 'null', '{', `{"${first}":`, '{}{}', `{"${first}":"a","${first}":"b"}`, '{"a":"\xff"}', '{"a":"\\ud800"}', '['.repeat(100_000)];
        if (!optional) texts.push('');
        for (const text of texts) await refused(node, method, url, Buffer.from(text, 'latin1'), { status: 400 }, json);
        const body = Buffer.from(JSON.stringify(goodBody(schema)));
        await refused(node, method, url, body, { status: 415 }, { 'Content-Type': 'text/plain' });
        await refused(node, method, url, body, { status: 415 }, { 'Content-Type': 'application/x-www-form-urlencoded' });
        await refused(node, method, url, body, { status: 403 }, { ...json, Origin: 'http://example.com' });
        await refused(node, method, url, Buffer.alloc((1 << 20) + 1, 0x20), { status: 413 }, json);
    }
});

test('every id in a path and every query parameter', async (t) => {
    const node = await startNode(t, { config });
    for (const { path, method, schema, operation } of await routesOf(node)) {
        if (path === '/agents/{id}') { // a page for a browser, which goes to anybody: it does not tell who is there
            const front = (await node.get('/')).text;
            for (const id of ['abc', '0', '99999999999999999999', '..%2f', '1%20']) assert.equal((await node.get(fill(path, id))).text, front);
            assert.equal((await node.get(fill(path, '%00'))).status, 400);
        } else if (path.includes('{'))
            for (const id of ['abc', '0', '-1', '1.5', '99999999999999999999', '%00', '..%2f', '1%20'])
                await refused(node, method, fill(path, id), schema && goodBody(schema), { status: id === '%00' ? 400 : 404 });
        for (const { name, in: place, schema: type } of operation.parameters ?? []) {
            const bad = { integer: ['x', '-1', '1.5', '', '99999999999999999999'], boolean: ['yes', '', '1'] }[type.type];
            if (place !== 'query' || !bad) continue;
            for (const value of bad)
                await refused(node, method, `${fill(path, '1')}?${name}=${value}`, undefined, { status: 400, pointer: `/${name}` });
        }
        if (operation.parameters?.some((one) => one.name === 'order'))
            await refused(node, method, `${path}?order=sideways`, undefined, { status: 400, pointer: '/order' });
    }
});

test('every path: methods that it does not have are 405 and say which it has', async (t) => {
    const node = await startNode(t, { config });
    const byPath = Map.groupBy ? Map.groupBy(await routesOf(node), (route) => route.path)
        : (await routesOf(node)).reduce((map, route) => map.set(route.path, [...(map.get(route.path) ?? []), route]), new Map());
    for (const [path, routes] of byPath) {
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
            if (routes.some((route) => route.method === method)) continue;
            const answer = await node.request(method, fill(path, '1'), method === 'GET' ? undefined : {});
            assert.equal(answer.status, 405, `${method} ${path}`);
            for (const route of routes) assert.ok(answer.headers.allow.includes(route.method), `${path}: Allow: ${answer.headers.allow}`);
        }
    }
});

test('a full page names the next one, with the filters of this one', async (t) => {
    const node = await startNode(t, { config: 'agent "ext" { }\nagent "other" { }\n' });
    for (let i = 0; i < 7; i++) assert.equal((await node.post('/api/v1/jobs', { agent: i % 2 ? 'other' : 'ext', repo: 'r' })).status, 201);
    const seen = [];
    let url = '/api/v1/jobs?agent=ext&limit=2&repo=r&state=queued';
    for (let pages = 0; url && pages < 9; pages++) {
        const answer = await node.get(url);
        assert.equal(answer.status, 200, url);
        seen.push(...answer.json.jobs);
        url = answer.headers.link?.match(/^<([^>]+)>; rel="next"$/)?.[1];
    }
    assert.equal(seen.length, 4);
    assert.ok(seen.every((job) => job.agent === 'ext'));
});
