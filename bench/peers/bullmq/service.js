// SPDX-License-Identifier: GPL-3.0-or-later
// The same service on Fastify and BullMQ: POST /v1/jobs puts a square job on a queue, a worker computes it, the result
// is kept. `node service.js web PORT REDIS_PATH` or `node service.js worker REDIS_PATH`.
'use strict';
const { Queue, Worker } = require('bullmq');
const [role, ...args] = process.argv.slice(2);

function connection(path) {
  return { path, maxRetriesPerRequest: null };
}

async function web(port, path) {
  const queue = new Queue('math', { connection: connection(path) });
  const app = require('fastify')({ logger: false });
  app.post('/v1/jobs', async (request, reply) => {
    const { op, args } = request.body;
    if (op !== 'square' || !Array.isArray(args) || args.length !== 1) {
      return reply.code(422).send({ title: 'expected square with one argument' });
    }
    const job = await queue.add(op, { args }, { attempts: 3 });
    return reply.code(202).header('location', `/v1/jobs/${job.id}`).send({ id: job.id, state: 'queued' });
  });
  await app.listen({ port: Number(port), host: '127.0.0.1' });
  console.log('ready');
}

function worker(path) {
  const w = new Worker('math', async (job) => String(BigInt(job.data.args[0]) ** 2n),
    { connection: connection(path), concurrency: 64 });
  w.on('error', (error) => console.error(error.message));
  w.on('ready', () => console.log('ready'));
}

if (role === 'web' && args.length === 2) web(...args);
else if (role === 'worker' && args.length === 1) worker(...args);
else { console.error('usage: service.js web PORT REDIS_PATH | worker REDIS_PATH'); process.exit(2); }
