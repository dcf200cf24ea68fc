// mock-model.mjs -- a model server on loopback that speaks the OpenAI Responses, Anthropic Messages and Gemini protocols,
// so that real agent CLIs run without a network, at no cost, and do as they are told.
//
// A word in the prompt picks the scenario:
//   SC_TEXT  one answer                       SC_SLOW  an answer in deltas, each let go by release() (or every slowMs)
//   SC_TOOL  one call of a shell command (the prompt's text between << and >>, else `toolCommand`), then an answer
//   SC_429   refused: rate limit              SC_LIMIT refused: limit reached, resets in an hour
//   SC_500   refused: server error            SC_HANG  a head and no body, until released
// Every answered request uses the same tokens (`usage`), so a test knows the sums: requests × usage.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { atEnd } from './cleanup.mjs';
import { waitUntil } from './wait.mjs';

export const usage = { input: 1000, cached: 400, output: 50, reasoning: 10 };
const words = ['SC_TEXT', 'SC_SLOW', 'SC_TOOL', 'SC_429', 'SC_LIMIT', 'SC_500', 'SC_HANG'];
const slowParts = ['one ', 'two ', 'three ', 'four'];

// --- what the request says -----------------------------------------------------------------------------------------

const textOf = (value) => (typeof value === 'string' ? value : JSON.stringify(value ?? ''));

// The last word wins: earlier ones are history.
function scenarioOf(prompt) {
    const found = words.map((word) => [prompt.lastIndexOf(word), word]).filter(([at]) => at >= 0).sort((a, b) => b[0] - a[0]);
    return found[0]?.[1] ?? 'SC_TEXT';
}

function commandOf(prompt, fallback) {
    return prompt.match(/<<(.*?)>>/)?.[1] ?? fallback;
}

// --- the three protocols: how a part of an answer is written ---------------------------------------------------------
// Each: match(path), prompt(body), afterTool(body) (a tool's result is in the history), tools(body),
// start/delta/tool/end -> list of [event, data], refuse(kind) -> { status, headers, body }, plain(answer) for no stream.

const openai = {
    match: (path) => path.endsWith('/responses'),
    streams: () => true,
    prompt: (body) => textOf(body.input?.filter?.((item) => item.role === 'user').map((item) => item.content) ?? body.input),
    afterTool: (body) => (body.input ?? []).some((item) => /_call_output$/.test(item.type ?? '')),
    usage: () => ({
        input_tokens: usage.input, input_tokens_details: { cached_tokens: usage.cached }, output_tokens: usage.output,
        output_tokens_details: { reasoning_tokens: usage.reasoning }, total_tokens: usage.input + usage.output,
    }),
    start: (a) => [['response.created', { type: 'response.created', response: { id: a.id, object: 'response', status: 'in_progress', output: [] } }],
        ['response.output_item.added', { type: 'response.output_item.added', output_index: 0, item: { type: 'message', id: a.item, role: 'assistant', status: 'in_progress', content: [] } }]],
    delta: (a, text) => [['response.output_text.delta', { type: 'response.output_text.delta', item_id: a.item, output_index: 0, content_index: 0, delta: text }]],
    end: (a, text) => openai.done(a, { type: 'message', id: a.item, role: 'assistant', status: 'completed', content: [{ type: 'output_text', text, annotations: [] }] }),
    tool: (a, command, body) => {
        const shell = (body.tools ?? []).map((tool) => tool.name).find((name) => ['exec_command', 'shell_command', 'shell', 'local_shell'].includes(name)) ?? 'exec_command';
        const args = shell === 'exec_command' ? { cmd: command } : shell === 'shell_command' ? { command } : { command: ['bash', '-lc', command] };
        return [['response.created', { type: 'response.created', response: { id: a.id, object: 'response', status: 'in_progress', output: [] } }],
            ...openai.done(a, { type: 'function_call', id: a.item, call_id: a.call, name: shell, arguments: JSON.stringify(args), status: 'completed' })];
    },
    done: (a, item) => [['response.output_item.done', { type: 'response.output_item.done', output_index: 0, item }],
        ['response.completed', { type: 'response.completed', response: { id: a.id, object: 'response', status: 'completed', output: [item], usage: openai.usage() } }]],
    refuse: {
        SC_429: { status: 429, headers: { 'retry-after': '1' }, body: { error: { type: 'rate_limit_exceeded', code: 'rate_limit_exceeded', message: 'slow down' } } },
        SC_LIMIT: { status: 429, headers: {}, body: { error: { type: 'usage_limit_reached', message: 'limit reached', plan_type: 'plus', resets_at: Math.floor(Date.now() / 1000) + 3600 } } },
        SC_500: { status: 500, headers: {}, body: { error: { type: 'server_error', message: 'mock failure' } } },
    },
};

const anthropic = {
    match: (path) => path.endsWith('/messages'),
    streams: (body) => body.stream === true,
    prompt: (body) => textOf((body.messages ?? []).filter((m) => m.role === 'user').map((m) => m.content)),
    afterTool: (body) => textOf(body.messages?.at(-1)?.content).includes('"tool_result"'),
    usage: (output) => ({ input_tokens: usage.input - usage.cached, cache_creation_input_tokens: 0, cache_read_input_tokens: usage.cached, output_tokens: output }),
    message: (a, content, stop, output) => ({ id: a.id, type: 'message', role: 'assistant', model: a.model, content, stop_reason: stop, stop_sequence: null, usage: anthropic.usage(output) }),
    begin: (a, block) => [['message_start', { type: 'message_start', message: anthropic.message(a, [], null, 1) }],
        ['content_block_start', { type: 'content_block_start', index: 0, content_block: block }]],
    finish: (stop) => [['content_block_stop', { type: 'content_block_stop', index: 0 }],
        ['message_delta', { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: usage.output } }],
        ['message_stop', { type: 'message_stop' }]],
    start: (a) => anthropic.begin(a, { type: 'text', text: '' }),
    delta: (a, text) => [['content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }]],
    end: () => anthropic.finish('end_turn'),
    tool: (a, command) => [...anthropic.begin(a, { type: 'tool_use', id: `toolu_${a.call}`, name: 'Bash', input: {} }),
        ['content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: JSON.stringify({ command, description: 'as told' }) } }],
        ...anthropic.finish('tool_use')],
    plain: (a, text) => anthropic.message(a, [{ type: 'text', text }], 'end_turn', usage.output),
    refuse: {
        SC_429: { status: 429, headers: { 'retry-after': '1' }, body: { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } } },
        SC_LIMIT: { status: 429, headers: { 'anthropic-ratelimit-unified-status': 'rejected', 'anthropic-ratelimit-unified-reset': String(Math.floor(Date.now() / 1000) + 3600), 'x-should-retry': 'false' }, body: { type: 'error', error: { type: 'rate_limit_error', message: 'limit reached' } } },
        SC_500: { status: 500, headers: { 'x-should-retry': 'false' }, body: { type: 'error', error: { type: 'api_error', message: 'mock failure' } } },
    },
};

const gemini = {
    match: (path) => /:(streamG|g)enerateContent/.test(path),
    streams: (body, path) => path.includes(':streamGenerateContent'),
    prompt: (body) => textOf((body.contents ?? []).filter((c) => c.role === 'user').map((c) => c.parts)),
    afterTool: (body) => (body.contents?.at(-1)?.parts ?? []).some((part) => part.functionResponse),
    chunk: (a, parts, last) => [null, {
        candidates: [{ index: 0, content: { role: 'model', parts }, ...(last ? { finishReason: 'STOP' } : {}) }], modelVersion: a.model, responseId: a.id,
        ...(last ? { usageMetadata: { promptTokenCount: usage.input, cachedContentTokenCount: usage.cached, candidatesTokenCount: usage.output - usage.reasoning, thoughtsTokenCount: usage.reasoning, totalTokenCount: usage.input + usage.output } } : {}),
    }],
    start: () => [],
    delta: (a, text) => [gemini.chunk(a, [{ text }], false)],
    end: (a) => [gemini.chunk(a, [{ text: '' }], true)],
    tool: (a, command) => [gemini.chunk(a, [{ functionCall: { id: a.call, name: 'run_shell_command', args: { command, description: 'as told' } } }], true)],
    plain: (a, text) => gemini.chunk(a, [{ text }], true)[1],
    refuse: {
        SC_429: { status: 429, headers: {}, body: { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'slow down', details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' }] } } },
        SC_LIMIT: { status: 429, headers: {}, body: { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'limit reached', details: [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel' }] }] } } },
        SC_500: { status: 500, headers: {}, body: { error: { code: 500, status: 'INTERNAL', message: 'mock failure' } } },
    },
};

const protocols = { openai, anthropic, gemini };

// --- the server ------------------------------------------------------------------------------------------------------

export class MockModel {
    requests = []; // { protocol, path, scenario, answered, body }
    toolCommand = 'echo from-the-tool';
    slowMs = null; // null: SC_SLOW waits for release()
    #waiting = []; // those that hang, or wait for their next delta
    #server = http.createServer((incoming, outgoing) => this.#take(incoming, outgoing));

    static async start(t, options = {}) {
        const mock = Object.assign(new MockModel(), options);
        await new Promise((resolve) => mock.#server.listen(0, '127.0.0.1', resolve));
        atEnd(t, () => mock.stop());
        return mock;
    }
    get port() { return this.#server.address().port; }
    get url() { return `http://127.0.0.1:${this.port}`; }
    // Requests that were answered to the end: what the usage is multiplied by.
    get answered() { return this.requests.filter((r) => r.answered).length; }
    get waiting() { return this.#waiting.length; }

    // Lets the next `count` parts of hanging or slow answers go.
    release(count = 1) {
        for (const go of this.#waiting.splice(0, count)) go();
    }
    waitWaiting(count = 1, ms) {
        return waitUntil(() => this.#waiting.length >= count, `${count} request(s) that wait for release`, ms);
    }
    waitRequests(count, ms) {
        return waitUntil(() => this.requests.length >= count, `${count} request(s) to the model`, ms);
    }
    stop() {
        this.release(Infinity);
        this.#server.closeAllConnections();
        return new Promise((resolve) => this.#server.close(resolve));
    }
    async #take(incoming, outgoing) {
        const parts = [];
        for await (const part of incoming) parts.push(part);
        outgoing.on('error', () => {});
        const body = JSON.parse(Buffer.concat(parts).toString() || '{}');
        const path = incoming.url.split('?')[0];
        const [name, protocol] = Object.entries(protocols).find(([, p]) => p.match(path)) ?? [];
        if (!protocol || incoming.method !== 'POST') return this.#other(path, outgoing);
        const prompt = protocol.prompt(body);
        const record = { protocol: name, path: incoming.url, scenario: scenarioOf(prompt), answered: false, body };
        this.requests.push(record);
        await this.#answer(record, protocol, prompt, outgoing).catch(() => outgoing.destroy());
    }
    // Side requests of the CLIs (lists of models, token counts, telemetry): small, empty and fine.
    #other(path, outgoing) {
        outgoing.writeHead(200, { 'content-type': 'application/json' });
        outgoing.end(path.includes('count') ? '{"input_tokens":1,"totalTokens":1}' : '{"data":[],"models":[]}');
    }
    async #answer(record, protocol, prompt, outgoing) {
        const { scenario, body } = record;
        const answer = { id: `resp_${randomUUID()}`, item: `item_${randomUUID()}`, call: `call_${randomUUID().slice(0, 8)}`, model: body.model ?? record.path.match(/models\/([^:]+):/)?.[1] ?? 'mock-model' };
        const refusal = protocol.refuse[scenario];
        if (refusal) {
            outgoing.writeHead(refusal.status, { 'content-type': 'application/json', ...refusal.headers });
            return outgoing.end(JSON.stringify(refusal.body));
        }
        if (!protocol.streams(body, record.path)) {
            outgoing.writeHead(200, { 'content-type': 'application/json' });
            record.answered = true;
            return outgoing.end(JSON.stringify(protocol.plain(answer, 'done')));
        }
        outgoing.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
        outgoing.flushHeaders();
        const send = (events) => events.forEach(([event, data]) => outgoing.write(`${event ? `event: ${event}\n` : ''}data: ${JSON.stringify(data)}\n\n`));
        if (scenario === 'SC_HANG') await this.#held();
        if (scenario === 'SC_TOOL' && !protocol.afterTool(body)) {
            send(protocol.tool(answer, commandOf(prompt, this.toolCommand), body));
        } else {
            const texts = scenario === 'SC_SLOW' ? slowParts : ['done'];
            send(protocol.start(answer));
            for (const text of texts) {
                if (scenario === 'SC_SLOW') await this.#held(this.slowMs);
                send(protocol.delta(answer, text));
            }
            send(protocol.end(answer, texts.join('')));
        }
        record.answered = true;
        outgoing.end();
    }
    #held(ms = null) {
        return new Promise((resolve) => (ms === null ? this.#waiting.push(resolve) : setTimeout(resolve, ms)));
    }
}
