#include "cli/config_listen.h"

#include "base/net/address.h"

namespace plumb::cli {

void ReadTls(const Node& node, Reader& reader, net::ServerOptions& server) {
  if (!reader.Map(node, "tls", {"certificate", "key", "client_ca"})) return;
  net::TlsFiles files;
  if (const Node* file = node.Find("certificate")) files.certificate = reader.Path(*file, "tls.certificate").string();
  else reader.Wrong(node, "tls needs a certificate: a PEM file");
  if (const Node* file = node.Find("key")) files.key = reader.Path(*file, "tls.key").string();
  else reader.Wrong(node, "tls needs a key: a PEM file");
  if (const Node* file = node.Find("client_ca")) files.client_ca = reader.Path(*file, "tls.client_ca").string();
  server.tls = std::move(files);
}

void ReadCors(const Node& node, Reader& reader, net::Cors& cors) {
  if (!reader.Map(node, "cors", {"origins", "max_age_s"})) return;
  if (const Node* origins = node.Find("origins")) {
    cors.origins = reader.Texts(*origins, "cors.origins");
    for (const std::string& origin : cors.origins) {
      auto url = net::ParseUrl(origin);
      const bool whole = url && url->target == "/" && !origin.ends_with('/');
      if (origin != "*" && !whole) {
        reader.Wrong(*origins, "'{}' is no origin; write https://app.example.com without a path, or \"*\"", origin);
      }
    }
  } else {
    reader.Wrong(node, "cors needs origins: a list such as [https://app.example.com]");
  }
  if (const Node* age = node.Find("max_age_s")) cors.max_age_s = static_cast<int>(reader.Whole(*age, "cors.max_age_s", 0, 86400));
}

void ReadHttp(const Node& node, Reader& reader, net::ServerOptions& server) {
  if (!reader.Map(node, "http", {"header_bytes", "body_bytes", "connections", "header_s", "body_s", "idle_s", "write_s"})) return;
  const auto bytes = [&](const char* key, size_t& out, int64_t low, int64_t high) {
    if (const Node* n = node.Find(key)) out = static_cast<size_t>(reader.Whole(*n, fmt::format("http.{}", key), low, high));
  };
  bytes("header_bytes", server.max_header_bytes, 1024, 1 << 20);
  bytes("body_bytes", server.max_body_bytes, 1024, int64_t{1} << 32);
  bytes("connections", server.max_connections, 1, 1'000'000);
  const auto seconds = [&](const char* key, std::chrono::milliseconds& out) {
    const Node* n = node.Find(key);
    if (n) out = std::chrono::milliseconds(std::llround(1000 * reader.Number(*n, fmt::format("http.{}", key), 0.1, 86400)));
  };
  seconds("header_s", server.header_limit);
  seconds("body_s", server.body_limit);
  seconds("idle_s", server.idle_limit);
  seconds("write_s", server.write_limit);
}

}  // namespace plumb::cli
