// base/net: HTTP/1.1 as coroutines, over TCP, Unix sockets and TLS.
//
//   Address   where to listen or connect: "127.0.0.1:8080", "unix:/run/plumb.sock"      address.h
//   Server    accepts, parses within limits, TLS where asked, calls a Handler per request    server.h
//   Client    requests with pooled connections and four timeouts; bodies whole or streamed  client.h
//   SseEvent  server-sent events, written and parsed                                       sse.h
//   IoThread  an io_context with a thread of its own, for callers that have none           io_thread.h
//
//   asio::awaitable<void> Hello(Request& request, ResponseWriter& out) {
//     co_await out.Send(200, "text/plain", "hello " + request.path);
//   }
//   PLUMB_TRY(auto server, Server::Listen(io.get_executor(), address, Hello, {}));
//   std::puts(server->url().c_str());
//
// Thread-safety: a Server, a Client and what comes out of them belong to the one thread that runs their io_context.
// Errors: kConflict (port in use), kUnavailable (refused, reset, no such host), kDeadline, kCorrupt (not HTTP, cut off).
//
// GCC 12 destroys some temporaries of a co_await expression twice (conditional operators, braced aggregates): name such
// arguments first, then await.
#pragma once

#include "base/net/address.h"
#include "base/net/client.h"
#include "base/net/http.h"
#include "base/net/io_thread.h"
#include "base/net/server.h"
#include "base/net/sse.h"
