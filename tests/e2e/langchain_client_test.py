"""LangChain's chat models against `plumb serve`: ChatOpenAI by both of OpenAI's APIs, and ChatAnthropic.

    langchain_client_test.py PLUMB
"""
from client_gateway import CARD, main


def models(url, key, model):
    from langchain_anthropic import ChatAnthropic
    from langchain_openai import ChatOpenAI

    openai = dict(model=model, base_url=url + "/v1", api_key=key, max_retries=0)
    return {"chat": ChatOpenAI(**openai), "responses": ChatOpenAI(use_responses_api=True, **openai),
            "messages": ChatAnthropic(model=model, base_url=url, api_key=key, max_retries=0, max_tokens=100)}


def text(message):
    content = message.content
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def blocked(api, message):
    """What each API says of an answer that is not let through."""
    said = message.response_metadata
    if api == "chat":
        return said["finish_reason"] == "content_filter"
    if api == "responses":
        return said["status"] == "incomplete" and said["incomplete_details"]["reason"] == "content_filter"
    return said["stop_reason"] == "refusal"


def check(api, model):
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_core.tools import tool

    @tool
    def weather(city: str) -> str:
        """Looks."""
        return "rain"

    answer = model.invoke("hello there")
    assert text(answer) == "You said: hello there" and answer.usage_metadata["total_tokens"] == 7, answer
    assert "".join(text(chunk) for chunk in model.stream("hello there")) == "You said: hello there"

    question = [HumanMessage("weather?")]
    able = model.bind_tools([weather])
    called = able.invoke(question)
    assert [(c["name"], c["args"]) for c in called.tool_calls] == [("weather", {"city": "Oslo"})], called
    whole = None
    for chunk in able.stream(question):
        whole = chunk if whole is None else whole + chunk
    assert [(c["name"], c["args"]) for c in whole.tool_calls] == [("weather", {"city": "Oslo"})], whole
    told = able.invoke(question + [called, ToolMessage("rain", tool_call_id=called.tool_calls[0]["id"])])
    assert text(told) == "It is rain", told

    for words in ("SECRET-1234", "leak"):
        answer = model.invoke(words)
        assert blocked(api, answer) and "1234" not in text(answer), answer
    assert text(model.invoke(f"my card is {CARD}")) == "Please do not send card numbers."


def checks(url, key, model):
    for api, chat in models(url, key, model).items():
        check(api, chat)
    print("all checks passed with LangChain before", model)


if __name__ == "__main__":
    main(__file__, checks)
