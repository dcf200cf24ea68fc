// spec 00 Auth: tokens.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../lib/node.mjs';

// The list in memory was read anew only after the answer: for a moment a new token got 401, and a revoked one was let in.
test('r3_token_answer a token works from its answer on, and not after its revocation has been answered', async (t) => {
    const node = await startNode(t);
    for (let round = 0; round < 40; round++) {
        const made = await node.post('/api/v1/tokens', { name: `v${round}`, role: 'viewer' });
        assert.equal(made.status, 201);
        const authorization = { authorization: `Bearer ${made.json.token}` };
        assert.equal((await node.get('/api/v1/status', authorization)).status, 200, `round ${round}`);
        // several at once: a read of the list that began before the last change is not to undo it
        const others = await Promise.all(Array.from({ length: 4 }, (_, i) => node.post('/api/v1/tokens', { name: `v${round}.${i}`, role: 'viewer' })));
        for (const { json } of others) {
            assert.equal((await node.get('/api/v1/status', { authorization: `Bearer ${json.token}` })).status, 200);
            assert.equal((await node.request('DELETE', `/api/v1/tokens/${json.id}`)).status, 204);
            assert.equal((await node.get('/api/v1/status', { authorization: `Bearer ${json.token}` })).status, 401);
        }
    }
});
