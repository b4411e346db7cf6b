// Which pages of other origins a browser may let call us (the Fetch standard's CORS protocol).
#pragma once

#include <string>
#include <vector>

#include "base/net/server.h"

namespace plumb::net {

struct Cors {
  std::vector<std::string> origins;  // "https://app.example.com"; "*": all; empty: none
  int max_age_s = 600;               // how long a browser may keep a preflight's answer
};

// Adds what a browser needs to `out.headers` where the request comes from a page that is let. True for a preflight, which
// is to be answered 204 and not handled. Keys travel in headers, never in cookies, so no credentials are allowed.
bool AnswersPreflight(const Cors& cors, const Request& request, ResponseWriter& out);

}  // namespace plumb::net
