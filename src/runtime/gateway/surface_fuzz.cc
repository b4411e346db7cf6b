// Whatever an application sends to any API: an error, or a question that both kinds of vendor can be asked; and answers, whole
// and streamed, that a client can read.
#include <cstdint>
#include <cstdlib>

#include "base/net/sse.h"
#include "runtime/gateway/surface.h"
#include "runtime/gateway/turn_messages.h"
#include "runtime/provider/protocol.h"

namespace {

using namespace plumb;
using namespace plumb::gateway;

// Every event is JSON but the end mark, and the stream ends between two events.
void MustBeReadable(std::string_view bytes) {
  net::SseParser parser;
  const auto events = parser.Feed(bytes);
  if (!events || parser.mid_event()) std::abort();
  for (const net::SseEvent& event : *events)
    if (event.data != "[DONE]" && !ParseJson(event.data)) std::abort();
}

// An answer made of the question's own words: they may hold anything that JSON can.
Choice AnswerTo(const Call& call) {
  Choice choice;
  choice.text = UserText(call.request.messages);
  choice.refusal = call.request.model;
  choice.reasoning = call.subject;
  choice.stop_sequence = call.request.stop.empty() ? "" : call.request.stop.front();
  choice.finish_reason = choice.text.size() % 2 ? "stop" : "content_filter";
  for (const json::value& message : call.request.messages)
    if (const json::array* calls = message.is_object() ? FindArray(message.get_object(), "tool_calls") : nullptr)
      for (const json::value& one : *calls)
        if (one.is_object()) choice.tool_calls.push_back(one);
  return choice;
}

std::string Streamed(const Surface& surface, const Head& head, const Call& call, const Choice& choice) {
  const auto writer = surface.Stream(head, call);
  if (!writer) return "";
  std::string bytes = writer->Reasoning(0, choice.reasoning) + writer->Text(0, choice.text, nullptr);
  for (size_t i = 0; i < choice.tool_calls.size(); ++i) {
    json::object delta = choice.tool_calls[i].as_object();
    delta["index"] = i;
    bytes += writer->ToolCall(0, delta);
  }
  bytes += writer->Refusal(0, choice.refusal);
  writer->Stopped(choice.stop_sequence);
  return bytes + writer->Finish(0, choice.finish_reason) + writer->End({}, "{}");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<provider::Protocol> protocols[] = {provider::OpenAiProtocol(), provider::OpenAiProtocol(provider::FindPreset("mistral")->dialect),
                                                                  provider::AnthropicProtocol()};
  auto body = ParseJson(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!body || !body->is_object()) return 0;
  for (const Surface* surface : {&ChatSurface(), &CompletionsSurface(), &ResponsesSurface(), &MessagesSurface(), &EmbeddingsSurface()}) {
    auto call = surface->Parse(body->get_object());
    if (!call) {
      if (!surface->ErrorBody(call.error()).is_object()) std::abort();
      continue;
    }
    for (const auto& protocol : protocols)
      for (const bool stream : {false, true})
        if (auto asked = protocol->Body(call->request, stream)) (void)ToJson(*asked);
    const Head head{"exc_1", 1, call->request.model};
    const Choice choice = AnswerTo(*call);
    if (surface == &EmbeddingsSurface()) continue;
    if (!ParseJson(ToJson(surface->Whole(head, *call, {{choice}, {}})))) std::abort();
    MustBeReadable(Streamed(*surface, head, *call, choice));
  }
  return 0;
}
