"""MOCK: a vendor that speaks OpenAI's and Anthropic's protocols, for the tests with real clients.

It answers "You said: …". Asked about weather, with a tool at hand, it calls the tool; told what the tool found, it says
so. Asked to leak, it says what the policy forbids. Given a stop sequence, it ends because of it; asked for log-probabilities, it
gives one a word.
"""
import http.server
import json
import re
import threading

CALL = {"city": "Oslo"}
LEAK = "It is well hidden. The code is SECRET-1234 and more."


def text_of(content):
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])


def tool_result(message):
    if message["role"] == "tool":
        return text_of(message["content"])
    if isinstance(message["content"], list):
        for part in message["content"]:
            if part.get("type") == "tool_result":
                return text_of(part["content"])
    return None


def answer(body):
    """(text, whether the weather tool is called)"""
    last = body["messages"][-1]
    found = tool_result(last)
    if found is not None:
        return "It is " + found, False
    said = text_of(last["content"])
    if "weather" in said and body.get("tools"):
        return "", True
    return (LEAK if "leak" in said else "You said: " + said), False


def pieces(text):
    return re.findall(r"\S+\s*", text)


def logprobs(words, body):
    if not body.get("logprobs"):
        return None
    return {"content": [{"token": word, "logprob": -0.5, "bytes": list(word.encode()), "top_logprobs": []} for word in words], "refusal": None}


def stop_of(body):
    given = body.get("stop") or body.get("stop_sequences") or []
    return given if isinstance(given, str) else given[0] if given else None


def openai_events(text, call, body):
    def chunk(delta, reason=None, words=()):
        return None, {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "mock-1",
                      "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": logprobs(words, body) if words else None,
                                   **({"stop_reason": stop_of(body)} if reason else {})}]}
    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(text):
        yield chunk({"content": piece}, words=[piece])
    if call:
        yield chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}]})
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": json.dumps(CALL)}}]})
    yield chunk({}, "tool_calls" if call else "stop")
    yield None, {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "mock-1", "choices": [],
                 "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}


def openai_whole(text, call, body):
    message = {"role": "assistant", "content": text or None}
    if call:
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(CALL)}}]
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "mock-1",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop",
                         "logprobs": logprobs(pieces(text), body), "stop_reason": stop_of(body)}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}


def anthropic_stop(call, body):
    return "tool_use" if call else "stop_sequence" if stop_of(body) else "end_turn"


def anthropic_events(text, call, body):
    def event(kind, **more):
        return kind, {"type": kind, **more}
    yield event("message_start", message={"id": "m", "type": "message", "role": "assistant", "model": "mock-1", "content": [],
                                          "usage": {"input_tokens": 3, "output_tokens": 1}})
    index = 0
    if text:
        yield event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for piece in pieces(text):
            yield event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        yield event("content_block_stop", index=index)
        index += 1
    if call:
        block = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}
        yield event("content_block_start", index=index, content_block=block)
        yield event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": json.dumps(CALL)})
        yield event("content_block_stop", index=index)
    yield event("message_delta", delta={"stop_reason": anthropic_stop(call, body), "stop_sequence": stop_of(body)}, usage={"output_tokens": 4})
    yield event("message_stop")


def anthropic_whole(text, call, body):
    content = [{"type": "text", "text": text}] if text else []
    if call:
        content.append({"type": "tool_use", "id": "call_1", "name": "weather", "input": CALL})
    return {"id": "m", "type": "message", "role": "assistant", "model": "mock-1", "content": content,
            "stop_reason": anthropic_stop(call, body), "stop_sequence": stop_of(body), "usage": {"input_tokens": 3, "output_tokens": 4}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/v1/embeddings":
            self.send({"object": "list", "model": "mock-1", "usage": {"prompt_tokens": 2, "total_tokens": 2},
                       "data": [{"object": "embedding", "index": i, "embedding": [float(len(text)), 0.5]}
                                for i, text in enumerate(body["input"])]})
        elif self.path == "/v1/messages/count_tokens":
            self.send({"input_tokens": 42})
        elif body.get("stream"):
            self.stream(body)
        else:
            self.send((anthropic_whole if self.path == "/v1/messages" else openai_whole)(*answer(body), body))

    def send(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self, body):
        anthropic = self.path == "/v1/messages"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for name, data in (anthropic_events if anthropic else openai_events)(*answer(body), body):
            self.wfile.write((f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n")
            self.wfile.flush()
        if not anthropic:
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


class Vendor:
    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
