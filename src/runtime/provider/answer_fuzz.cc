// Whatever a vendor sends, whole or as a stream: an answer or an error, and never a crash.
#include <cstdint>

#include "base/net/sse.h"
#include "runtime/provider/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb;
  static const std::unique_ptr<provider::Protocol> protocols[] = {provider::OpenAiProtocol(),
                                                                  provider::AnthropicProtocol()};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = ParseJson(text);
  net::SseParser parser(1 << 16);
  const auto events = parser.Feed(text);
  for (const auto& protocol : protocols) {
    if (value && value->is_object()) (void)protocol->Parse(value->get_object());
    if (!events) continue;
    const auto reader = protocol->Read({});
    for (const net::SseEvent& event : *events)
      if (!reader->Take(event) || reader->done()) break;
    if (reader->finished()) (void)reader->Whole();
  }
  return 0;
}
