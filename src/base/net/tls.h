// TLS over a socket that does not block (OpenSSL, without buffers of its own between it and the kernel). Private to this
// room.
#pragma once

#include <openssl/ssl.h>

#include <boost/system/error_code.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/server.h"

namespace plumb::net {

using ErrorCode = boost::system::error_code;

// Keys, certificates and what is trusted; shared by connections.
class TlsContext {
 public:
  // Of a client: the system's trust store, and `ca_file` (PEM) where it is not empty. Errors: kNotFound, kInvalid.
  static Result<std::shared_ptr<TlsContext>> OfClient(const std::string& ca_file);
  // Of a server. TLS 1.2 at least. Errors: kNotFound, kInvalid, each naming the file.
  static Result<std::shared_ptr<TlsContext>> OfServer(const TlsFiles& files);

  SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

// The server's context, read again when one of its files changes.
class TlsReloader {
 public:
  static Result<TlsReloader> Open(const TlsFiles& files);
  // The present context. A change that cannot be used is told once in `warning`; what was there stays.
  std::shared_ptr<TlsContext> Current(std::string& warning);

 private:
  TlsFiles files_;
  std::string stamp_;  // times and sizes of the files
  std::chrono::steady_clock::time_point looked_;
  std::shared_ptr<TlsContext> context_;
};

// What a TLS operation waits for before it can go on.
enum class Want { kNothing, kRead, kWrite };

class TlsSession {
 public:
  // `host`: whom a client means to reach; empty for a server. The socket stays the caller's.
  TlsSession(std::shared_ptr<TlsContext> context, int socket, const std::string& host);

  // Each does what can be done at once. kRead or kWrite: call again when the socket is ready. Otherwise done, or `error`.
  Want Handshake(ErrorCode& error);
  Want Read(char* into, size_t room, size_t& got, ErrorCode& error);
  Want Write(std::string_view bytes, size_t& put, ErrorCode& error);
  // Says goodbye, as far as that can be done at once.
  void Shutdown();
  // Bytes are waiting inside the session, where the kernel does not show them.
  bool HasBytes() const;
  // X509_V_OK, or why the peer's certificate is not accepted.
  long verified() const;

 private:
  Want After(int outcome, ErrorCode& error);
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace plumb::net
