// Routes that pass requests on as they are: who calls, what they may ask, who answers and how that went is seen to;
// nothing is judged, recorded or worded otherwise. The body is checked to be JSON that cannot be read in two ways.
#include <charconv>

#include "runtime/gateway/access.h"
#include "runtime/gateway/glance.h"
#include "runtime/gateway/turn.h"
#include "runtime/gateway/turn_vendor.h"
#include "runtime/provider/http_provider.h"

namespace plumb::gateway {
namespace {

// An answer of a known length up to this is sent in one piece.
constexpr size_t kInOnePiece = 1 << 20;

std::string_view EndpointOf(const Surface& surface) {
  if (surface.name() == "chat") return "/chat/completions";
  if (surface.name() == "messages") return "/messages";
  return "";
}

// Who may take the request word for word; nullptr where nobody.
provider::HttpProvider* RelayOf(const Turn& turn) {
  auto* provider = dynamic_cast<provider::HttpProvider*>(turn.answerer.provider.get());
  const std::string_view endpoint = EndpointOf(turn.surface);
  return provider && !endpoint.empty() && provider->Relays(endpoint) ? provider : nullptr;
}

// Everything before the request goes out. Nothing where this is not to be passed on.
provider::HttpProvider* PrepareRelay(Turn& turn, const Glance& seen) {
  Result<Caller> caller = Authorise(turn.service, turn.asked);
  if (!caller) return nullptr;
  turn.call.request.model = seen.model;
  turn.call.stream = seen.stream;
  if (!FindRoute(turn, *caller) || turn.route->mode != "pass" || !MayAsk(*caller, turn.head.model)) return nullptr;
  // A budget could not be held: nobody here counts tokens.
  if (turn.service.limits && !AccountsOf(*turn.force, *caller).empty()) return nullptr;
  provider::HttpProvider* relay = RelayOf(turn);
  if (!relay) return nullptr;
  OpenExchange(turn, *caller);
  turn.call.request.model = turn.answerer.model;
  SetHeaders(turn);
  return relay;
}

// Fields that are about one connection, or that we write ourselves.
bool Ours(std::string_view name) {
  switch (name.size()) {
    case 2: return net::SameName(name, "te");
    case 7: return net::SameName(name, "trailer") || net::SameName(name, "upgrade");
    case 10: return net::SameName(name, "connection") || net::SameName(name, "keep-alive") || net::SameName(name, "request-id");
    case 12: return net::SameName(name, "content-type") || net::SameName(name, "x-request-id");
    case 14: return net::SameName(name, "content-length");
    case 17: return net::SameName(name, "transfer-encoding");
    default: return name.size() > 8 && net::SameName(name.substr(0, 8), "x-plumb-");
  }
}

void CopyHeaders(const net::Headers& from, net::Headers& to) {
  for (const auto& [name, value] : from) {
    if (!Ours(name)) to.Add(name, value);
  }
}

// The length of a body that comes in one piece; 0 where it is long, or not known.
size_t LengthOf(const net::Headers& headers) {
  const std::string_view text = headers.Get("content-length");
  size_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length <= kInOnePiece ? length : 0;
}

// The body as it comes. Error: the vendor's; the client's going away is in `left`.
asio::awaitable<Status> PassBody(Turn& turn, net::Download& download, bool& left) {
  const std::string type(download.headers().Get("content-type"));
  std::string piece;
  if (download.Buffered()) {
    PLUMB_CO_TRY(piece, co_await download.Next());
    Heard(turn);
  }
  Status sent = co_await turn.out.Start(download.status(), type, piece);
  turn.exchange.first_text_ms = turn.Elapsed();
  while (sent && !download.done()) {
    PLUMB_CO_TRY(piece, co_await download.Next());
    Heard(turn);
    if (download.done()) sent = co_await turn.out.Finish(piece);
    else sent = co_await turn.out.Write(piece);
  }
  if (sent) sent = co_await turn.out.Finish();
  left = !sent;
  co_return Status();
}

asio::awaitable<Status> PassAnswer(Turn& turn, net::Download& download, bool& left) {
  CopyHeaders(download.headers(), turn.out.headers);
  if (const size_t length = LengthOf(download.headers()); length > 0) {
    PLUMB_CO_TRY(const std::string body, co_await download.Rest(length));
    const std::string type(download.headers().Get("content-type"));
    turn.exchange.first_text_ms = turn.Elapsed();
    Status sent = co_await turn.out.Send(download.status(), type, body);
    left = !sent;
    co_return Status();
  }
  Status passed = co_await PassBody(turn, download, left);
  co_return passed;
}

asio::awaitable<void> Pass(Turn& turn, provider::HttpProvider& relay, std::string body) {
  BeginAsk(turn);
  PrepareAsk(turn);
  Result<net::Download> download = co_await relay.Relay(turn.call.request, std::move(body));
  if (!download) {
    EndAsk(turn, "");
    co_await AnswerError(turn, std::move(download).error());
    co_return;
  }
  bool left = false;
  Status passed = co_await PassAnswer(turn, *download, left);
  EndAsk(turn, "");
  turn.exchange.status = left ? "disconnected" : passed && download->status() < 400 ? "ok" : "error";
  if (!passed && !turn.out.started()) {
    co_await AnswerError(turn, std::move(passed).error());
    co_return;
  }
  if (!passed) {
    turn.exchange.error = passed.error().Text();
    turn.trace.error = CodeName(passed.error().code);
    turn.out.Abort();  // nobody shall take what came for the whole
  }
  auto counted = co_await Close(turn);
}

}  // namespace

Status MayPass(const Turn& turn) {
  if (turn.route->mode != "pass") return {};
  return Fail(Code::kUnsupported,
              "this route passes requests on as they are, and this one it cannot: that takes a body with one plain \"model\", a model with one "
              "target that speaks the API it is asked by, and a key without budgets");
}

asio::awaitable<bool> PassOn(Turn& turn) {
  const std::optional<Glance> seen = GlanceAt(turn.asked.body);
  provider::HttpProvider* relay = seen ? PrepareRelay(turn, *seen) : nullptr;
  if (!relay) co_return false;
  const std::string& model = turn.answerer.model;
  std::string body = model == seen->model ? turn.asked.body : WithModel(turn.asked.body, *seen, model);
  co_await Pass(turn, *relay, std::move(body));
  co_return true;
}

}  // namespace plumb::gateway
