"""The official Anthropic Python client against `plumb serve`, before a vendor of either kind.

    anthropic_client_test.py PLUMB
"""
from client_gateway import CARD, main

TOOL = {"name": "weather", "description": "looks", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


def question(text, **more):
    return dict(max_tokens=100, messages=[{"role": "user", "content": text}], **more)


def plain(client, model):
    answer = client.messages.create(model=model, system="Be brief.", **question("hello there"))
    assert answer.content[0].text == "You said: hello there" and answer.stop_reason == "end_turn", answer
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 4), answer.usage

    with client.messages.stream(model=model, **question("hello there")) as stream:
        assert "".join(stream.text_stream) == "You said: hello there"
        last = stream.get_final_message()
    assert last.stop_reason == "end_turn" and last.usage.output_tokens == 4 and last.usage.input_tokens == 3, last

    stopped = client.messages.create(model=model, stop_sequences=["END"], **question("hello there"))
    with client.messages.stream(model=model, stop_sequences=["END"], **question("hello there")) as stream:
        streamed = stream.get_final_message()
    for answer in (stopped, streamed):
        assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "END"), answer

    kinds = [event.type for event in client.messages.create(model=model, stream=True, **question("hello there"))]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds
    image = [{"type": "text", "text": "look"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}]
    assert client.messages.create(model=model, **question(image)).content[0].text == "You said: look"


def tools(client, model):
    whole = client.messages.create(model=model, tools=[TOOL], **question("weather?"))
    with client.messages.stream(model=model, tools=[TOOL], **question("weather?")) as stream:
        streamed = stream.get_final_message()
    for answer in (whole, streamed):
        assert answer.stop_reason == "tool_use" and answer.content[-1].input == {"city": "Oslo"}, answer
    call = whole.content[-1]
    messages = [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": whole.content},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]}]
    told = client.messages.create(model=model, max_tokens=100, tools=[TOOL], messages=messages)
    assert told.content[0].text == "It is rain", told


def guarded(client, model):
    for text in ("SECRET-1234", "leak"):
        whole = client.messages.create(model=model, **question(text))
        with client.messages.stream(model=model, **question(text)) as stream:
            streamed = stream.get_final_message()
        for answer in (whole, streamed):
            assert answer.stop_reason == "refusal" and answer.stop_details.explanation == "That stays here.", answer
            assert "1234" not in answer.to_json()
    raw = client.messages.with_raw_response.create(model=model, **question(f"my card is {CARD}"))
    assert raw.headers["x-plumb-verdict"] == "input=refuse", raw.headers
    answer = raw.parse()
    assert answer.content[0].text == "Please do not send card numbers." and answer._request_id.startswith("exc_"), answer


def others(client, model, url):
    import anthropic

    count = client.messages.count_tokens(model=model, messages=[{"role": "user", "content": "hello"}])
    assert count.input_tokens == 42, count  # the mock counts for either kind
    assert [m.id for m in client.models.list()] == ["gpt", "claude"]
    assert client.models.retrieve("claude").display_name == "claude"
    for kind, call in ((anthropic.BadRequestError, lambda: client.messages.create(model=model, max_tokens=9, messages=[])),
                       (anthropic.NotFoundError, lambda: client.messages.create(model="nothing", **question("x"))),
                       (anthropic.AuthenticationError, lambda: anthropic.Anthropic(base_url=url, api_key="plumb-wrong", max_retries=0)
                        .messages.create(model=model, **question("x")))):
        try:
            call()
        except kind as error:
            assert error.body["type"] == "error" and error.body["error"]["message"], error.body
            continue
        raise AssertionError("it was accepted")


def checks(url, key, model):
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
    plain(client, model)
    tools(client, model)
    guarded(client, model)
    others(client, model, url)
    print("all checks passed with anthropic", anthropic.__version__, "before", model)


if __name__ == "__main__":
    main(__file__, checks)
