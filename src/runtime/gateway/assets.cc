#include "runtime/gateway/assets.h"

namespace plumb::gateway {
namespace {

constexpr std::string_view kPlainPage = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Plumbline</title>
<meta name="color-scheme" content="light dark"></head>
<body><h1>Plumbline is serving</h1>
<p>The web console was not built into this program. Build it with <code>npm ci &amp;&amp; npm run build</code> in
<code>console/</code> and build <code>plumb</code> again.</p>
<ul><li><a href="/api/status">/api/status</a></li><li><a href="/api/exchanges">/api/exchanges</a></li>
<li><a href="/metrics">/metrics</a></li></ul>
<p>Applications use <code>/v1</code> as the base URL of any OpenAI client.</p></body></html>
)";

}  // namespace

const Asset* FindAsset(std::string_view path) {
  static const Asset plain{"/index.html", kPlainPage};
  const bool page = path == "/" || path.find('.') == std::string_view::npos;
  const std::string_view wanted = page ? "/index.html" : path;
  for (const Asset& asset : Assets()) {
    if (asset.path == wanted) return &asset;
  }
  return wanted == "/index.html" ? &plain : nullptr;
}

std::string_view MediaType(std::string_view path) {
  const std::string_view ending = path.substr(path.rfind('.') + 1);
  if (ending == "html") return "text/html; charset=utf-8";
  if (ending == "js" || ending == "mjs") return "text/javascript; charset=utf-8";
  if (ending == "css") return "text/css; charset=utf-8";
  if (ending == "svg") return "image/svg+xml";
  if (ending == "json" || ending == "map") return "application/json";
  if (ending == "png") return "image/png";
  if (ending == "ico") return "image/x-icon";
  if (ending == "woff2") return "font/woff2";
  if (ending == "txt") return "text/plain; charset=utf-8";
  return "application/octet-stream";
}

}  // namespace plumb::gateway
