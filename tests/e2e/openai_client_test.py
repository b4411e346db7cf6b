"""The official OpenAI Python client against `plumb serve`, before a vendor of either kind.

    openai_client_test.py PLUMB
"""
import asyncio

from client_gateway import CARD, main

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
CHAT_TOOL = {"type": "function", "function": {"name": "weather", "description": "looks", "parameters": WEATHER}}
TOOL = {"type": "function", "name": "weather", "description": "looks", "parameters": WEATHER, "strict": True}


def said(text):
    return [{"role": "user", "content": text}]


def chat(client, model):
    create = client.chat.completions.create
    answer = create(model=model, messages=said("hello there"))
    assert answer.choices[0].message.content == "You said: hello there", answer
    assert answer.choices[0].finish_reason == "stop" and answer.usage.total_tokens == 7, answer

    chunks = list(create(model=model, messages=said("hello there"), stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "You said: hello there"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 4

    with client.chat.completions.stream(model=model, messages=said("hello there")) as events:
        assert events.get_final_completion().choices[0].message.content == "You said: hello there"

    for stream in (False, True):
        if stream:
            with client.chat.completions.stream(model=model, messages=said("weather?"), tools=[CHAT_TOOL]) as events:
                choice = events.get_final_completion().choices[0]
        else:
            choice = create(model=model, messages=said("weather?"), tools=[CHAT_TOOL]).choices[0]
        call = choice.message.tool_calls[0]
        assert choice.finish_reason == "tool_calls" and call.function.name == "weather", choice
    messages = said("weather?") + [{"role": "assistant", "tool_calls": [{"id": call.id, "type": "function",
                                    "function": {"name": call.function.name, "arguments": call.function.arguments}}]},
                                   {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    assert create(model=model, messages=messages, tools=[CHAT_TOOL]).choices[0].message.content == "It is rain"

    for text in ("SECRET-1234", "leak"):
        choice = create(model=model, messages=said(text)).choices[0]
        assert choice.finish_reason == "content_filter" and choice.message.refusal == "That stays here.", choice
        chunks = [c.choices[0] for c in create(model=model, messages=said(text), stream=True) if c.choices]
        assert chunks[-1].finish_reason == "content_filter"
        assert "1234" not in "".join(c.delta.content or "" for c in chunks)
        assert "".join(c.delta.refusal or "" for c in chunks) == "That stays here."
    raw = client.chat.completions.with_raw_response.create(model=model, messages=said(f"my card is {CARD}"))
    assert raw.headers["x-plumb-verdict"] == "input=refuse", raw.headers
    assert raw.parse().choices[0].message.content == "Please do not send card numbers."


def responses(client, model):
    create = client.responses.create
    answer = create(model=model, input="hello there", instructions="Be brief.")
    assert answer.output_text == "You said: hello there" and answer.status == "completed", answer
    assert answer.usage.total_tokens == 7 and answer.instructions == "Be brief."

    events = list(create(model=model, input="hello there", stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "You said: hello there"
    assert events[-1].type == "response.completed" and events[-1].response.output_text == "You said: hello there"

    if model == "gpt":  # Anthropic gives none
        asked = dict(model=model, input="hello there", include=["message.output_text.logprobs"], top_logprobs=0)
        with client.responses.stream(**asked) as stream:
            streamed = stream.get_final_response()
        for answer in (create(**asked), streamed):
            tokens = answer.output[0].content[0].logprobs
            assert "".join(token.token for token in tokens) == "You said: hello there" and tokens[0].logprob == -0.5, answer

    with client.responses.stream(model=model, input="weather?", tools=[TOOL]) as stream:
        call = stream.get_final_response().output[-1]
    assert call.type == "function_call" and call.name == "weather" and call.arguments == '{"city": "Oslo"}', call
    back = [{"role": "user", "content": "weather?"},
            {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
            {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}]
    assert create(model=model, input=back, tools=[TOOL]).output_text == "It is rain"

    for text in ("SECRET-1234", "leak"):
        answer = create(model=model, input=text)
        assert answer.status == "incomplete" and answer.incomplete_details.reason == "content_filter", answer
        assert answer.output[0].content[-1].refusal == "That stays here.", answer
        last = list(create(model=model, input=text, stream=True))[-1]
        assert last.type == "response.incomplete" and last.response.incomplete_details.reason == "content_filter", last


def others(client, model):
    answer = client.completions.create(model=model, prompt="hello there")
    assert answer.choices[0].text == "You said: hello there" and answer.choices[0].finish_reason == "stop", answer
    chunks = list(client.completions.create(model=model, prompt="hello there", stream=True))
    assert "".join(c.choices[0].text for c in chunks) == "You said: hello there"
    assert client.completions.create(model=model, prompt="SECRET-1234").choices[0].finish_reason == "content_filter"
    assert client.completions.create(model=model, prompt="hello", echo=True).choices[0].text == "helloYou said: hello"

    moderation = client.moderations.create(input=["hello", f"card {CARD}"])
    assert [r.flagged for r in moderation.results] == [False, True], moderation
    assert moderation.results[0].categories.self_harm is False
    assert [m.id for m in client.models.list()] == ["gpt", "claude"]
    assert client.models.retrieve("gpt").owned_by == "gpts"
    if model == "gpt":
        vectors = client.embeddings.create(model=model, input=["four", "three"])
        assert [v.embedding[0] for v in vectors.data] == [4.0, 5.0], vectors


def errors(client, model, url):
    import openai

    def refused(kind, call):
        try:
            call()
        except kind as error:
            return error
        raise AssertionError("it was accepted")

    refused(openai.BadRequestError, lambda: client.chat.completions.create(model=model, messages=[]))
    refused(openai.NotFoundError, lambda: client.chat.completions.create(model="nothing", messages=said("x")))
    stored = refused(openai.BadRequestError, lambda: client.responses.create(model=model, input="x", previous_response_id="resp_1"))
    assert "not stored here" in str(stored) and stored.code == "previous_response_not_found" and stored.param == "previous_response_id", stored
    refused(openai.AuthenticationError, lambda: openai.OpenAI(base_url=url + "/v1", api_key="plumb-wrong", max_retries=0).models.list())


async def many(url, key, model):
    import openai

    client = openai.AsyncOpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    calls = [client.chat.completions.create(model=model, messages=said(f"n{i}")) for i in range(40)]
    assert [a.choices[0].message.content for a in await asyncio.gather(*calls)] == [f"You said: n{i}" for i in range(40)]


def checks(url, key, model):
    import openai

    client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    chat(client, model)
    responses(client, model)
    others(client, model)
    errors(client, model, url)
    asyncio.run(many(url, key, model))
    print("all checks passed with openai", openai.__version__, "before", model)


if __name__ == "__main__":
    main(__file__, checks)
