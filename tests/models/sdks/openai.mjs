// Calls a provider directly and through Latchkey with OpenAI's SDK, in the same way. Prints both results.
import OpenAI from 'openai';

const { direct, through, exhausted } = JSON.parse(process.argv[1]);
const messages = [{ role: 'user', content: 'Hi' }];
const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }];
const limit = { max_tokens: 20 };

const client = ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key });

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function errorOf(call) {
  try {
    await call;
  } catch (error) {
    const { status, code, type, requestID } = error;
    return { name: error.constructor.name, status, code, type, requestID };
  }
}

async function contract(openai) {
  const chat = (body) => openai.chat.completions.create({ model: 'plain', messages, ...limit, ...body });
  const results = {
    plain: await chat({}),
    stream: await all(await chat({ stream: true })),
    streamWithUsage: await all(await chat({ stream: true, stream_options: { include_usage: true } })),
    tools: await chat({ tools }),
    toolStream: await all(await chat({ tools, stream: true })),
    completion: await openai.completions.create({ model: 'plain', prompt: 'Hi', ...limit }),
    embedding: Array.from((await openai.embeddings.create({ model: 'plain', input: 'Hi' })).data[0].embedding),
    numbers: (await openai.embeddings.create({ model: 'plain', input: 'Hi', encoding_format: 'float' })).data[0].embedding,
    response: await openai.responses.create({ model: 'plain', input: 'Hi', max_output_tokens: 20 }),
    responseStream: await all(await openai.responses.create({ model: 'plain', input: 'Hi', max_output_tokens: 20, stream: true })),
    error: await errorOf(chat({ model: 'broken' })),
    retried: await chat({ model: 'flaky' }),
  };
  for await (const event of await chat({ model: 'endless', stream: true })) {
    results.first = event;
    break;
  }
  return results;
}

const results = { direct: await contract(client(direct)), through: await contract(client(through)) };
results.models = (await all(await client(through).models.list())).map(({ id }) => id);
results.unknown = await errorOf(client(through).chat.completions.create({ model: 'plan', messages }));
results.exhausted = await errorOf(client(exhausted).chat.completions.create({ model: 'plain', messages, ...limit }));
results.unknownKey = await errorOf(client({ ...through, key: 'unknown' }).chat.completions.create({ model: 'plain', messages }));
console.log(JSON.stringify(results));
