#include "base/net/cors.h"

#include <algorithm>

namespace plumb::net {

bool AnswersPreflight(const Cors& cors, const Request& request, ResponseWriter& out) {
  if (cors.origins.empty()) return false;
  const bool all = std::ranges::find(cors.origins, "*") != cors.origins.end();
  // What is answered depends on who asks: caches must keep them apart.
  if (!all) out.headers.Add("vary", "Origin");
  const std::string_view origin = request.headers.Get("origin");
  if (origin.empty()) return false;
  if (!all && std::ranges::find(cors.origins, origin) == cors.origins.end()) return false;
  out.headers.Set("access-control-allow-origin", all ? "*" : origin);
  if (request.method != "OPTIONS" || !request.headers.Has("access-control-request-method")) {
    out.headers.Set("access-control-expose-headers", "*");
    return false;
  }
  out.headers.Set("access-control-allow-methods", "GET, POST, OPTIONS");
  const std::string_view asked = request.headers.Get("access-control-request-headers");
  if (!asked.empty()) out.headers.Set("access-control-allow-headers", asked);
  out.headers.Set("access-control-max-age", std::to_string(cors.max_age_s));
  return true;
}

}  // namespace plumb::net
