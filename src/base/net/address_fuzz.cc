// Any text: an address or URL that reads the same when written down, or an error.
#include <cstdint>
#include <cstdlib>

#include "base/net/address.h"
#include "base/net/http.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb::net;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = ParseAddress(text)) {
    const auto again = ParseAddress(address->Text());
    if (!again || !(*again == *address)) std::abort();
  }
  if (const auto url = ParseUrl(text)) {
    if (url->target.empty()) std::abort();
    const auto again = ParseUrl(url->Text());
    if (!again || !(again->address == url->address) || again->tls != url->tls ||
        again->target != url->target)
      std::abort();
  }
  if (PercentDecode(PercentEncode(text)) != text) std::abort();
  Request request;
  request.target = text;
  SplitTarget(request);
  (void)request.Query("q");
  return 0;
}
