// A provider of language models for tests, in the form of OpenAI's API.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Upstream {
  /** As the address of a provider. */
  baseUrl: string;
  /** The keys of all requests. */
  authorizations: (string | undefined)[];
}

const USAGE = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const EVENTS = [
  { choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello ' } }] },
  { choices: [{ index: 0, delta: { content: 'there' } }] },
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
];

async function bodyOf(request: IncomingMessage): Promise<any> {
  const parts = await request.toArray();
  return JSON.parse(Buffer.concat(parts).toString() || '{}');
}

/** Runs a provider that lists these models, and answers every prompt with “Hello there”. A model named `broken` fails. */
export async function withUpstream(models: string[], use: (upstream: Upstream) => Promise<void>): Promise<void> {
  const authorizations: (string | undefined)[] = [];
  const upstream = createServer(async (request, response) => {
    authorizations.push(request.headers.authorization);
    const { model, stream, stream_options } = await bodyOf(request);
    response.setHeader('content-type', 'application/json');
    if (request.url === '/v1/models') {
      response.end(JSON.stringify({ object: 'list', data: models.map((id) => ({ id, object: 'model' })) }));
    } else if (model === 'broken') {
      response.writeHead(400).end(JSON.stringify({ error: { message: 'This model is broken.', type: 'invalid_request_error' } }));
    } else if (stream) {
      response.setHeader('content-type', 'text/event-stream');
      const usage = stream_options?.include_usage ? [{ choices: [], usage: USAGE }] : [];
      const lines = [...EVENTS, ...usage].map((event) => `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', model, ...event })}\n\n`);
      response.end(`${lines.join('')}data: [DONE]\n\n`);
    } else {
      const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello there' } }];
      response.end(JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model, choices, usage: USAGE }));
    }
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  try {
    await use({ baseUrl: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`, authorizations });
  } finally {
    upstream.closeAllConnections();
    await new Promise((resolve) => upstream.close(resolve));
  }
}
