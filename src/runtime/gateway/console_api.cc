// /api: what the console shows (docs/console-api.md).
#include <boost/asio/steady_timer.hpp>

#include "runtime/gateway/console_views.h"
#include "runtime/gateway/hold_turn.h"
#include "runtime/gateway/service.h"
#include "runtime/gateway/try_text.h"

namespace plumb::gateway {
namespace {

std::optional<int64_t> QueryInt(const net::Request& request, std::string_view name) {
  const auto text = request.Query(name);
  if (!text || text->empty() || text->find_first_not_of("0123456789") != std::string::npos || text->size() > 15) return std::nullopt;
  return std::stoll(*text);
}

asio::awaitable<void> Send(net::ResponseWriter& out, Result<json::object> body) {
  if (body) {
    const json::value value(std::move(*body));
    co_await out.SendJson(200, value);
  } else {
    const json::value value = ApiError(body.error());
    co_await out.SendJson(HttpStatus(body.error().code), value);
  }
}

Result<json::object> ListExchanges(ledger::Ledger& ledger, size_t limit, std::optional<int64_t> before) {
  ledger::Query query;
  query.kind = "exchange";
  query.limit = limit;
  if (before) query.before = static_cast<uint64_t>(*before);
  PLUMB_TRY(const auto stored, ledger.List(query));
  json::array rows;
  for (const ledger::Stored& entry : stored) rows.push_back(ExchangeRow(entry));
  json::object out;
  out["exchanges"] = std::move(rows);
  out["next"] = stored.size() == limit ? json::value(stored.back().index) : json::value();
  return out;
}

Result<json::object> OneExchange(ledger::Ledger& ledger, const std::string& id) {
  auto stored = ledger.Get(id);
  if (!stored || stored->kind != "exchange") return Fail(Code::kNotFound, "no exchange '{}'", ToUtf8(id));
  PLUMB_TRY(const json::object proof, ledger.Prove(id));
  json::object out = ExchangeDetail(*stored);
  json::object receipt;
  receipt["id"] = stored->id;
  receipt["index"] = stored->index;
  receipt["leaf_hash"] = proof.at("leaf_hash");
  receipt["tree_size"] = proof.at("tree_size");
  out["receipt"] = std::move(receipt);
  out["proof"] = proof;
  out["verifier_key"] = ledger.VerifierKey();
  return out;
}

Result<json::object> LedgerHead(ledger::Ledger& ledger) {
  PLUMB_TRY(const ledger::Checkpoint head, ledger.Head());
  PLUMB_TRY(const std::string note, ledger.HeadNote());
  json::object out;
  out["size"] = head.size;
  out["root"] = HexEncode(head.root);
  out["note"] = note;
  out["verifier_key"] = ledger.VerifierKey();
  return out;
}

Result<std::pair<guard::Direction, std::string>> ParseTry(const net::Request& request) {
  PLUMB_TRY(const json::value body, ParseJson(request.body, "request body"));
  if (!body.is_object()) return Fail(Code::kInvalid, "the request body must be a JSON object");
  PLUMB_TRY(const std::string name, GetStringOr(body.get_object(), "direction", "input"));
  PLUMB_TRY(const guard::Direction direction, guard::ParseDirection(name));
  PLUMB_TRY(std::string text, GetString(body.get_object(), "text"));
  return std::pair{direction, std::move(text)};
}

asio::awaitable<void> Try(Service& service, net::Request& request, net::ResponseWriter& out) {
  auto parsed = ParseTry(request);
  if (!parsed) {
    co_await Send(out, std::unexpected(parsed.error()));
    co_return;
  }
  const Force force = service.force;
  const guard::Guard* guard = &force->guard();
  guard::Classifier* encoder = force->encoder.get();
  auto work = [guard, encoder, direction = parsed->first, text = std::move(parsed->second)]() {
    return TryText(*guard, encoder, direction, text);
  };
  json::object answer = co_await On(service.guard_threads, std::move(work));
  Result<json::object> result(std::move(answer));
  co_await Send(out, std::move(result));
}

asio::awaitable<void> Pause(Service& service, std::chrono::milliseconds time) {
  asio::steady_timer timer(service.executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

// Follows the newest run (or the one asked for) until the client leaves.
asio::awaitable<void> Live(Service& service, net::Request& request, net::ResponseWriter& out) {
  const AlignRuns runs = RunsOf(service);
  const std::string wanted = request.Query("run").value_or("");
  int64_t from = QueryInt(request, "from").value_or(0);
  if (const std::string last(request.headers.Get("last-event-id")); !last.empty() && last.size() < 12 &&
                                                                   last.find_first_not_of("0123456789") == std::string::npos) {
    from = std::stoll(last) + 1;
  }
  out.headers.Set("cache-control", "no-cache");
  auto begun = co_await out.Start(200, "text/event-stream");
  std::string run;
  std::optional<LineFollower> follower;
  int64_t line = 0;
  bool reported = false;
  auto heard = std::chrono::steady_clock::now();
  auto looked = heard - std::chrono::seconds(10);
  while (begun && !service.draining && !out.PeerGone()) {
    const auto now = std::chrono::steady_clock::now();
    std::string bytes;
    if (now - looked >= std::chrono::seconds(1)) {
      looked = now;
      std::string newest = wanted;
      if (newest.empty()) newest = runs.Newest();
      if (newest != run && runs.Has(newest)) {
        if (!run.empty()) from = 0;
        run = newest;
        follower.emplace(runs.folder / run / "events.jsonl");
        line = 0;
        reported = false;
        json::object data = {{"run", run}};
        bytes += net::WriteSse({"run", ToJson(data), ""});
      }
    }
    if (follower) {
      for (const std::string& text : follower->More()) {
        if (line >= from) bytes += net::WriteSse({"progress", text, std::to_string(line)});
        ++line;
      }
      std::error_code ignored;
      if (!reported && fs::exists(runs.folder / run / "report.json", ignored)) {
        reported = true;
        json::object data = {{"run", run}};
        bytes += net::WriteSse({"report", ToJson(data), ""});
      }
    }
    if (bytes.empty() && now - heard > std::chrono::seconds(15)) bytes = net::WriteSseComment("still here");
    if (!bytes.empty()) {
      heard = now;
      begun = co_await out.Write(bytes);
    }
    co_await Pause(service, std::chrono::milliseconds(200));
  }
}

asio::awaitable<void> Report(Service& service, const std::string& run, net::ResponseWriter& out) {
  auto html = RunsOf(service).ReportHtml(run);
  if (!html) {
    co_await Send(out, std::unexpected(html.error()));
    co_return;
  }
  // One file with its own styles and scripts, and nothing from outside.
  out.headers.Set("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:");
  out.headers.Set("x-content-type-options", "nosniff");
  co_await out.Send(200, "text/html; charset=utf-8", *html);
}

template <class Work>
asio::awaitable<void> FromLedger(Service& service, net::ResponseWriter& out, Work work) {
  Result<json::object> answer = co_await On(service.ledger_threads, std::move(work));
  co_await Send(out, std::move(answer));
}

}  // namespace

asio::awaitable<void> ConsoleApi(Service& service, net::Request& request, net::ResponseWriter& out) {
  int status = 401;
  const auto allowed = AuthoriseConsole(service, request, status);
  if (!allowed) {
    const json::value body = ApiError(allowed.error());
    co_await out.SendJson(status, body);
    co_return;
  }
  const std::string path = request.path.substr(4);  // behind "/api"
  const std::string last = path.substr(path.rfind('/') + 1);
  ledger::Ledger* ledger = service.ledger.get();
  if (path == "/status") {
    co_await Send(out, StatusView(service));
  } else if (path == "/policy") {
    co_await Send(out, PolicyView(service));
  } else if (path == "/exchanges") {
    const auto limit = static_cast<size_t>(std::clamp<int64_t>(QueryInt(request, "limit").value_or(50), 1, 500));
    const auto before = QueryInt(request, "before");
    auto work = [ledger, limit, before]() { return ListExchanges(*ledger, limit, before); };
    co_await FromLedger(service, out, std::move(work));
  } else if (path.starts_with("/exchanges/")) {
    auto work = [ledger, last]() { return OneExchange(*ledger, last); };
    co_await FromLedger(service, out, std::move(work));
  } else if (path == "/ledger/head") {
    auto work = [ledger]() { return LedgerHead(*ledger); };
    co_await FromLedger(service, out, std::move(work));
  } else if (path == "/held" || path.starts_with("/held/")) {
    co_await HeldApi(service, request, out, path);
  } else if (path == "/try" && request.method == "POST") {
    co_await Try(service, request, out);
  } else if (path == "/align/live") {
    co_await Live(service, request, out);
  } else if (path == "/align/runs") {
    json::array rows;
    for (json::object& row : RunsOf(service).List()) rows.push_back(std::move(row));
    json::object body;
    body["runs"] = std::move(rows);
    co_await Send(out, std::move(body));
  } else if (path.starts_with("/align/runs/")) {
    Result<json::object> run = RunsOf(service).Get(last);
    co_await Send(out, std::move(run));
  } else if (path.starts_with("/report/")) {
    co_await Report(service, last, out);
  } else {
    const Error missing{Code::kNotFound, fmt::format("there is no {} {}", ToUtf8(request.method), ToUtf8(request.path)), ""};
    co_await Send(out, std::unexpected(missing));
  }
}

}  // namespace plumb::gateway
