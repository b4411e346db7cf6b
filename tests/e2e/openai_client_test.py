"""The official OpenAI Python client against `plumb serve`: chat, streaming, moderation, models, errors.

    openai_client_test.py PLUMB

The client lives in a virtual environment under the cache folder, made by the first run. Without a network (or pip) the
test is skipped.
"""
import os
import subprocess
import sys
import venv

from service import Gateway, MockVendor, cache_folder, skip

VERSION = "2.8.1"
CARD = "4111 1111 1111 1111"


def environment():
    """The Python of an environment that has the client."""
    folder = cache_folder() / f"e2e-openai-{VERSION}"
    python = folder / "bin" / "python"
    if python.exists() and subprocess.run([python, "-c", "import openai"], capture_output=True).returncode == 0:
        return python
    try:
        venv.create(folder, with_pip=True, clear=True)
    except (subprocess.CalledProcessError, OSError) as error:
        skip(f"no virtual environment can be made here: {error}")
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", f"openai=={VERSION}"], capture_output=True, text=True)
    if installed.returncode != 0:
        skip("pip cannot install openai: " + (installed.stderr.strip().splitlines() or ["no reason given"])[-1])
    return python


def enforce(project):
    """`plumb init --upstream` starts by observing; these tests want it enforced."""
    policy = project / "policy.yaml"
    lines = [line for line in policy.read_text().splitlines() if "mode: observe   # records" not in line]
    policy.write_text("\n".join(lines) + "\n")


def checks(url, key):
    import openai

    client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    hello = [{"role": "user", "content": "hello there"}]

    answer = client.chat.completions.create(model="any-model", messages=hello)
    assert answer.choices[0].message.content == "You said: hello there", answer
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 4

    stream = client.chat.completions.create(model="any-model", messages=hello, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "You said: hello there", text
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None

    with client.chat.completions.stream(model="any-model", messages=hello) as events:
        assert events.get_final_completion().choices[0].message.content == "You said: hello there"

    card = [{"role": "user", "content": f"My card is {CARD}, repeat it"}]
    guarded = client.chat.completions.with_raw_response.create(model="any-model", messages=card)
    assert guarded.headers["x-plumb-verdict"].startswith("input="), guarded.headers
    assert "input=allow" not in guarded.headers["x-plumb-verdict"], guarded.headers
    assert "4111" not in (guarded.parse().choices[0].message.content or "")
    streamed = client.chat.completions.create(model="any-model", messages=card, stream=True)
    assert "4111" not in "".join(c.choices[0].delta.content or "" for c in streamed if c.choices)

    moderation = client.moderations.create(input=["hello", f"card {CARD}"])
    assert [r.flagged for r in moderation.results] == [False, True], moderation
    assert moderation.results[0].categories.self_harm is False
    assert moderation.results[0].category_scores.violence < 0.5

    assert [m.id for m in client.models.list()] == []  # "*" passes every name on and lists none

    for bad, kind in ((dict(messages=[]), openai.BadRequestError), (dict(messages=hello, n=2), openai.BadRequestError)):
        try:
            client.chat.completions.create(model="any-model", **bad)
            raise AssertionError(f"{bad} was accepted")
        except kind:
            pass
    try:
        openai.OpenAI(base_url=url + "/v1", api_key="plumb-wrong", max_retries=0).models.list()
        raise AssertionError("a wrong key was accepted")
    except openai.AuthenticationError:
        pass

    import asyncio

    async def many():
        asynchronous = openai.AsyncOpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
        calls = [asynchronous.chat.completions.create(model="m", messages=[{"role": "user", "content": f"n{i}"}])
                 for i in range(40)]
        return [a.choices[0].message.content for a in await asyncio.gather(*calls)]

    assert asyncio.run(many()) == [f"You said: n{i}" for i in range(40)]
    print("all checks passed with openai", openai.__version__)


def main():
    if sys.argv[1] == "--checks":
        checks(*sys.argv[2:])
        return
    python = environment()
    vendor = MockVendor()
    with Gateway(os.path.abspath(sys.argv[1]), ["--upstream", vendor.url], enforce) as gateway:
        done = subprocess.run([python, __file__, "--checks", gateway.url, gateway.key])
        if done.returncode != 0:
            sys.exit(1)
        rows = gateway.get("/api/exchanges?limit=500")["exchanges"]
        assert len(rows) == 45, len(rows)


if __name__ == "__main__":
    main()
