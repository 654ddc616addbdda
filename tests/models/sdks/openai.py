# Calls a provider directly and through Latchkey with OpenAI's SDK, in the same way. Prints both results.
import json
import sys

import openai

servers = json.loads(sys.argv[1])
messages = [{"role": "user", "content": "Hi"}]
parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
tools = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]


def client(server, key=None):
    return openai.OpenAI(base_url=f"{server['url']}/v1", api_key=key or server["key"])


def values(result):
    return [item.model_dump(mode="json") for item in result] if not hasattr(result, "model_dump") else result.model_dump(mode="json")


def error_of(call):
    try:
        call()
    except openai.APIStatusError as error:
        name = type(error).__name__
        return {"name": name, "status": error.status_code, "code": error.code, "type": error.type, "requestID": error.request_id}
    return None


def contract(server):
    llm = client(server)

    def chat(**fields):
        return llm.chat.completions.create(**{"model": "plain", "messages": messages, "max_tokens": 20, **fields})

    results = {
        "plain": values(chat()),
        "stream": values(chat(stream=True)),
        "streamWithUsage": values(chat(stream=True, stream_options={"include_usage": True})),
        "tools": values(chat(tools=tools)),
        "toolStream": values(chat(tools=tools, stream=True)),
        "completion": values(llm.completions.create(model="plain", prompt="Hi", max_tokens=20)),
        "embedding": list(llm.embeddings.create(model="plain", input="Hi").data[0].embedding),
        "numbers": llm.embeddings.create(model="plain", input="Hi", encoding_format="float").data[0].embedding,
        "response": values(llm.responses.create(model="plain", input="Hi", max_output_tokens=20)),
        "responseStream": values(llm.responses.create(model="plain", input="Hi", max_output_tokens=20, stream=True)),
        "error": error_of(lambda: chat(model="broken")),
        "retried": values(chat(model="flaky")),
    }
    stream = chat(model="endless", stream=True)
    results["first"] = next(iter(stream)).model_dump(mode="json")
    stream.close()
    return results


direct, through, exhausted = servers["direct"], servers["through"], servers["exhausted"]
results = {"direct": contract(direct), "through": contract(through)}
results["models"] = [model.id for model in client(through).models.list()]
results["unknown"] = error_of(lambda: client(through).chat.completions.create(model="plan", messages=messages))
results["exhausted"] = error_of(lambda: client(exhausted).chat.completions.create(model="plain", messages=messages, max_tokens=20))
results["unknownKey"] = error_of(lambda: client(through, "unknown").chat.completions.create(model="plain", messages=messages))
print(json.dumps(results))
