// spec 30 OpenMetrics: Debian's Prometheus really scrapes a node.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync, openSync, closeSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addJob, shellAgent } from '../lib/agents.mjs';
import { atEnd } from '../lib/cleanup.mjs';
import { request } from '../lib/http.mjs';
import { startNode } from '../lib/node.mjs';
import { waitUntil } from '../lib/wait.mjs';

// Port 0: it logs which one it got.
async function startPrometheus(t, node) {
    const config = path.join(node.dir, 'prometheus.yml'), log = path.join(node.dir, 'prometheus.log');
    writeFileSync(config, `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n- job_name: muster\n  static_configs: [{ targets: ["127.0.0.1:${node.port}"] }]\n`);
    const fd = openSync(log, 'a');
    const child = spawn('prometheus', [`--config.file=${config}`, `--storage.tsdb.path=${node.dir}/tsdb`, '--web.listen-address=127.0.0.1:0'],
        { stdio: ['ignore', fd, fd] });
    closeSync(fd);
    const ended = new Promise((resolve) => child.on('exit', resolve));
    atEnd(t, async () => {
        child.kill('SIGKILL');
        await ended;
    });
    const port = await waitUntil(() => readFileSync(log, 'utf8').match(/"Listening on" address=127\.0\.0\.1:(\d+)/)?.[1], 'the port of Prometheus', 30_000);
    const target = { host: '127.0.0.1', port, agent: false };
    return async (query) => {
        const { json } = await request(target, 'GET', `/api/v1/query?query=${encodeURIComponent(query)}`);
        return json.data.result.map((one) => [one.metric, Number(one.value[1])]);
    };
}

test('Prometheus scrapes a node: up is 1, and the figures are there with their units', async (t) => {
    const node = await startNode(t, { config: 'metrics { freshness = "0s" }\n' + shellAgent('exec sleep 1000') });
    const { id } = await addJob(node, { agent: 'sh', args: [] });
    const query = await startPrometheus(t, node);
    const value = async (q) => (await query(q))[0]?.[1];
    await waitUntil(async () => (await value('up')) === 1, 'up to be 1', 60_000);
    await waitUntil(async () => (await value('muster_agents_running{agent="sh"}')) === 1, 'the running agent', 60_000);
    const [[labels, bytes]] = await waitUntil(async () => {
        const found = await query('muster_agent_resident_memory_bytes');
        return found.length > 0 && found;
    }, 'the memory of the agent', 30_000);
    assert.deepEqual([labels.agent, labels.job_id], ['sh', String(id)]);
    assert.ok(bytes > 0);
    assert.equal(await value('scrape_samples_scraped > 100') > 100, true);
    const job = await value('muster_jobs{status="running"}');
    assert.equal(job, 1);
    // A histogram that Prometheus can compute with.
    await waitUntil(async () => (await value('histogram_quantile(0.5, sum by (le) (rate(muster_http_request_duration_seconds_bucket[1m])))')) > 0, 'a quantile', 30_000);
    const metadata = (await request({ host: '127.0.0.1', port: node.port, agent: false }, 'GET', '/metrics', undefined, { accept: 'application/openmetrics-text' })).text;
    assert.match(metadata, /# UNIT muster_agent_cpu_seconds seconds/);
});
