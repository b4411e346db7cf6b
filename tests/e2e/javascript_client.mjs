// The checks of javascript_client_test.py: node javascript_client.mjs CLIENTS_FOLDER URL KEY MODEL
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, url, key, model] = process.argv.slice(2);
const need = createRequire(join(folder, "package.json"));
const OpenAI = need("openai").OpenAI;
const Anthropic = need("@anthropic-ai/sdk").Anthropic;

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const ask = (text) => [{ role: "user", content: text }];

async function collect(stream) {
  const out = [];
  for await (const item of stream) out.push(item);
  return out;
}

async function chat(client) {
  const create = (body) => client.chat.completions.create({ model, ...body });
  const answer = await create({ messages: ask("hello there") });
  assert.equal(answer.choices[0].message.content, "You said: hello there");
  assert.equal(answer.usage.total_tokens, 7);
  const chunks = await collect(await create({ messages: ask("hello there"), stream: true }));
  assert.equal(chunks.map((c) => c.choices[0]?.delta.content ?? "").join(""), "You said: hello there");
  const tools = [{ type: "function", function: { name: "weather", description: "looks", parameters: schema } }];
  const called = (await create({ messages: ask("weather?"), tools })).choices[0];
  assert.equal(called.finish_reason, "tool_calls");
  assert.equal(called.message.tool_calls[0].function.name, "weather");
  const streamed = await client.chat.completions.stream({ model, messages: ask("weather?"), tools }).finalChatCompletion();
  assert.deepEqual(JSON.parse(streamed.choices[0].message.tool_calls[0].function.arguments), { city: "Oslo" });
  for (const text of ["SECRET-1234", "leak"]) {
    const choice = (await create({ messages: ask(text) })).choices[0];
    assert.equal(choice.finish_reason, "content_filter");
    assert.equal(choice.message.refusal, "That stays here.");
    const parts = await collect(await create({ messages: ask(text), stream: true }));
    assert.equal(parts.at(-1).choices[0].finish_reason, "content_filter");
    assert.ok(!JSON.stringify(parts).includes("1234"));
  }
}

async function responses(client) {
  const create = (body) => client.responses.create({ model, ...body });
  const answer = await create({ input: "hello there" });
  assert.equal(answer.output_text, "You said: hello there");
  const events = await collect(await create({ input: "hello there", stream: true }));
  assert.equal(events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join(""), "You said: hello there");
  assert.equal(events.at(-1).type, "response.completed");
  const tools = [{ type: "function", name: "weather", description: "looks", parameters: schema, strict: false }];
  const final = await client.responses.stream({ model, input: "weather?", tools }).finalResponse();
  assert.deepEqual(JSON.parse(final.output.at(-1).arguments), { city: "Oslo" });
  for (const text of ["SECRET-1234", "leak"]) {
    const blocked = await create({ input: text });
    assert.equal(blocked.status, "incomplete");
    assert.equal(blocked.incomplete_details.reason, "content_filter");
    assert.equal((await collect(await create({ input: text, stream: true }))).at(-1).type, "response.incomplete");
  }
}

async function messages(client) {
  const body = (text) => ({ model, max_tokens: 100, messages: ask(text) });
  const answer = await client.messages.create(body("hello there"));
  assert.equal(answer.content[0].text, "You said: hello there");
  assert.equal(await client.messages.stream(body("hello there")).finalText(), "You said: hello there");
  const tools = [{ name: "weather", description: "looks", input_schema: schema }];
  const called = await client.messages.create({ ...body("weather?"), tools });
  assert.equal(called.stop_reason, "tool_use");
  const streamed = await client.messages.stream({ ...body("weather?"), tools }).finalMessage();
  assert.deepEqual(streamed.content.at(-1).input, { city: "Oslo" });
  for (const text of ["SECRET-1234", "leak"]) {
    const blocked = await client.messages.create(body(text));
    assert.equal(blocked.stop_reason, "refusal");
    assert.equal(blocked.stop_details.explanation, "That stays here.");
    assert.equal((await client.messages.stream(body(text)).finalMessage()).stop_reason, "refusal");
  }
  const ids = [];
  for await (const found of client.models.list()) ids.push(found.id);
  assert.deepEqual(ids, ["gpt", "claude"]);
}

async function errors() {
  const wrong = { apiKey: "plumb-wrong", maxRetries: 0 };
  await assert.rejects(new OpenAI({ ...wrong, baseURL: url + "/v1" }).models.list(), OpenAI.AuthenticationError);
  const call = new Anthropic({ ...wrong, baseURL: url }).messages.create({ model, max_tokens: 9, messages: ask("x") });
  await assert.rejects(call, Anthropic.AuthenticationError);
}

const openai = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0 });
await chat(openai);
await responses(openai);
await messages(new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 }));
await errors();
console.log("all checks passed in JavaScript before", model);
