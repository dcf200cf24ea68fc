// knowledge.mjs -- a node with a corporate memory, and the model that it asks (spec 60 V2).
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atEnd } from './cleanup.mjs';
import { prepareNode, temporaryFolder } from './node.mjs';

export const KEY = 'sk-test-0123456789abcdef';
export const fact = (content, more = {}) => ({ kind: 'definition', title: 'A fact', content, quote: 'as they said', contradicts: [], ...more });
export const anthropic = (facts) => ({ content: [{ type: 'tool_use', id: 't', name: 'record_facts', input: { facts } }], stop_reason: 'tool_use' });
export const openai = (facts) => ({ choices: [{ message: { role: 'assistant', content: JSON.stringify({ facts }), refusal: null }, finish_reason: 'stop' }] });

// A model whose answers are those of `model.answer(request)`: an object as JSON with status 200, { status, text }, or null for never.
export async function startModel(t) {
    const model = { requests: [], answer: () => anthropic([]) };
    const server = http.createServer((request, response) => {
        let text = '';
        request.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => {
            const asked = { url: request.url, headers: request.headers, body: JSON.parse(text), text };
            model.requests.push(asked);
            const answer = model.answer(asked);
            if (answer === null) return;
            response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
            response.end(answer.text ?? JSON.stringify(answer));
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(t, () => { server.closeAllConnections(); server.close(); });
    model.url = `http://127.0.0.1:${server.address().port}`;
    return model;
}

export const turn = (session, type, text, more = {}) => JSON.stringify({ type, uuid: `${session}-${text.length}`, sessionId: session, timestamp: '2026-11-27T10:00:00.000Z',
    ...more, message: { role: type, content: type === 'user' ? text : [{ type: 'text', text }] } }) + '\n';

export async function startMemory(t, more = '', api = 'anthropic') {
    const model = await startModel(t);
    const dir = temporaryFolder(t);
    const node = prepareNode(t, { dir, config: `memory { endpoint = "${model.url}" api = "${api}" model = "m-1" api_key = "${KEY}" ${more} }\nsessions { data_root = "${dir}/collected" }` });
    const put = (session, ...lines) => {
        const file = path.join(dir, 'home/.claude/projects/-w', `${session}.jsonl`);
        mkdirSync(path.dirname(file), { recursive: true });
        appendFileSync(file, lines.join(''));
        return file;
    };
    const run = async () => {
        const r = await node.post('/api/admin/run-corporate-memory', {});
        assert.equal(r.status, 200, r.text);
        return r.json;
    };
    const items = async (query = '') => (await node.get(`/api/v1/knowledge${query}`)).json.items;
    return { model, dir, node, put, run, items };
}
