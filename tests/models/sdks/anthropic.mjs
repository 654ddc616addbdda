// Calls a provider directly and through Latchkey with Anthropic's SDK, in the same way. Prints both results.
import Anthropic from '@anthropic-ai/sdk';

const { direct, through, exhausted } = JSON.parse(process.argv[1]);
const messages = [{ role: 'user', content: 'Hi' }];
const tools = [{ name: 'weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }];

const client = ({ url, key }) => new Anthropic({ baseURL: url, apiKey: key });

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function errorOf(call) {
  try {
    await call;
  } catch (error) {
    const { status, type, requestID } = error;
    return { name: error.constructor.name, status, code: error.error?.error?.code, type, requestID };
  }
}

async function contract(anthropic) {
  const body = (fields) => ({ model: 'plain', max_tokens: 20, messages, ...fields });
  const create = (fields) => anthropic.messages.create(body(fields));
  const results = {
    plain: await create({}),
    stream: await all(await create({ stream: true })),
    final: await anthropic.messages.stream(body({})).finalMessage(),
    tools: await create({ tools }),
    toolStream: (await anthropic.messages.stream(body({ tools })).finalMessage()).content,
    tokens: await anthropic.messages.countTokens({ model: 'plain', messages }),
    error: await errorOf(create({ model: 'broken' })),
    retried: await create({ model: 'flaky' }),
  };
  for await (const event of await create({ model: 'endless', stream: true })) {
    results.first = event;
    break;
  }
  return results;
}

const results = { direct: await contract(client(direct)), through: await contract(client(through)) };
results.models = (await all(client(through).models.list())).map(({ id }) => id);
results.unknown = await errorOf(client(through).messages.create({ model: 'plan', max_tokens: 20, messages }));
results.exhausted = await errorOf(client(exhausted).messages.create({ model: 'plain', max_tokens: 20, messages }));
results.unknownKey = await errorOf(client({ ...through, key: 'unknown' }).messages.create({ model: 'plain', max_tokens: 20, messages }));
console.log(JSON.stringify(results));
