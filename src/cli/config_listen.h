// The parts of plumb.yaml that say how the listener behaves.
//
//   tls: {certificate: cert.pem, key: key.pem, client_ca: clients.pem}
//   cors: {origins: [https://app.example.com]}
//   http: {header_bytes: 65536, body_bytes: 33554432, connections: 16384,
//          header_s: 15, body_s: 60, idle_s: 75, write_s: 60}
#pragma once

#include "base/net/cors.h"
#include "base/net/server.h"
#include "cli/config_reader.h"

namespace plumb::cli {

void ReadTls(const Node& node, Reader& reader, net::ServerOptions& server);
void ReadCors(const Node& node, Reader& reader, net::Cors& cors);
void ReadHttp(const Node& node, Reader& reader, net::ServerOptions& server);

}  // namespace plumb::cli
