// /v1/models, in OpenAI's and Anthropic's form at once: each client reads its own fields.
#include "runtime/gateway/access.h"
#include "runtime/gateway/openai_form.h"
#include "runtime/gateway/service.h"

namespace plumb::gateway {
namespace {

json::object Model(const Service& service, const ModelRoute& route) {
  json::object out;
  out["id"] = route.name;
  out["object"] = "model";
  out["created"] = std::chrono::duration_cast<std::chrono::seconds>(service.started.time_since_epoch()).count();
  out["owned_by"] = route.target.substr(0, route.target.find(':'));
  out["type"] = "model";
  out["display_name"] = route.name;
  out["created_at"] = FormatTime(service.started);
  return out;
}

// A pattern is no name to ask for.
bool Named(const ModelRoute& route) { return !route.name.contains('*'); }

}  // namespace

asio::awaitable<void> ListModels(Service& service, net::Request& request, net::ResponseWriter& out) {
  auto caller = Authorise(service, request);
  if (!caller) {
    co_await SendError(out, caller.error());
    co_return;
  }
  json::array data;
  for (const ModelRoute& route : service.force->models) {
    if (Named(route) && MayAsk(*caller, route.name)) data.push_back(Model(service, route));
  }
  json::object body;
  body["object"] = "list";
  body["has_more"] = false;
  body["first_id"] = data.empty() ? json::value() : data.front().at("id");
  body["last_id"] = data.empty() ? json::value() : data.back().at("id");
  body["data"] = std::move(data);
  const json::value answer(std::move(body));
  co_await out.SendJson(200, answer);
}

asio::awaitable<void> GetModel(Service& service, net::Request& request, net::ResponseWriter& out) {
  auto caller = Authorise(service, request);
  if (!caller) {
    co_await SendError(out, caller.error());
    co_return;
  }
  const std::string name = request.path.substr(std::string_view("/v1/models/").size());
  const auto& models = service.force->models;
  const auto found = std::ranges::find_if(models, [&](const ModelRoute& route) { return Named(route) && route.name == name && MayAsk(*caller, name); });
  if (found == models.end()) {
    const Error missing{Code::kNotFound, fmt::format("no model '{}' here", ToUtf8(name)), ""};
    co_await SendError(out, missing);
    co_return;
  }
  const json::value answer(Model(service, *found));
  co_await out.SendJson(200, answer);
}

}  // namespace plumb::gateway
