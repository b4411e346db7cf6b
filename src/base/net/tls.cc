#include "base/net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <filesystem>

#include "base/core/files.h"

namespace plumb::net {
namespace {

namespace asio = boost::asio;

std::string SslReason() {
  const unsigned long code = ERR_get_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason ? reason : "unknown";
}

int SocketOf(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

// As OpenSSL's own socket BIO, but a peer that has left is an error and never SIGPIPE.
int BioWrite(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t put = ::send(SocketOf(bio), bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(put);
}
int BioRead(BIO* bio, char* into, int room) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(SocketOf(bio), into, static_cast<size_t>(room), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}
long BioControl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
int BioCreate(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* SocketMethod() {
  static BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, BioWrite);
    BIO_meth_set_read(made, BioRead);
    BIO_meth_set_ctrl(made, BioControl);
    BIO_meth_set_create(made, BioCreate);
    return made;
  }();
  return method;
}

void SetCommon(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // Idle connections give their record buffers back; a write may go on from where it stopped.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

Status Exists(const std::string& file, std::string_view what) {
  std::error_code ignored;
  if (fs::exists(file, ignored)) return {};
  return FailAt(file, Code::kNotFound, "the {} does not exist", what);
}

std::string Stamp(const TlsFiles& files) {
  std::string stamp;
  for (const std::string* file : {&files.certificate, &files.key, &files.client_ca}) {
    if (file->empty()) continue;
    std::error_code error;
    const auto time = fs::last_write_time(*file, error);
    const auto size = fs::file_size(*file, error);
    stamp += fmt::format("{}/{};", time.time_since_epoch().count(), size);
  }
  return stamp;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::OfClient(const std::string& ca_file) {
  auto tls = std::make_shared<TlsContext>();
  tls->context_.reset(SSL_CTX_new(TLS_client_method()));
  SetCommon(tls->get());
  SSL_CTX_set_default_verify_paths(tls->get());
  SSL_CTX_set_verify(tls->get(), SSL_VERIFY_PEER, nullptr);
  if (!ca_file.empty()) {
    PLUMB_CHECK(Exists(ca_file, "CA file"));
    if (SSL_CTX_load_verify_file(tls->get(), ca_file.c_str()) != 1) {
      return FailAt(ca_file, Code::kInvalid, "this is not a PEM file of certificates: {}", SslReason());
    }
  }
  return tls;
}

Result<std::shared_ptr<TlsContext>> TlsContext::OfServer(const TlsFiles& files) {
  auto tls = std::make_shared<TlsContext>();
  tls->context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = tls->get();
  SetCommon(context);
  PLUMB_CHECK(Exists(files.certificate, "certificate"));
  PLUMB_CHECK(Exists(files.key, "key"));
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return FailAt(files.certificate, Code::kInvalid, "this is not a PEM file of a certificate and its chain: {}", SslReason());
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return FailAt(files.key, Code::kInvalid, "this is not the private key of {}: {}", files.certificate, SslReason());
  }
  if (!files.client_ca.empty()) {
    PLUMB_CHECK(Exists(files.client_ca, "CA of the clients"));
    if (SSL_CTX_load_verify_file(context, files.client_ca.c_str()) != 1) {
      return FailAt(files.client_ca, Code::kInvalid, "this is not a PEM file of certificates: {}", SslReason());
    }
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(files.client_ca.c_str()));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  // Resumed sessions need a name of their own where clients show certificates.
  static constexpr unsigned char kSession[] = "plumb";
  SSL_CTX_set_session_id_context(context, kSession, sizeof kSession - 1);
  return tls;
}

Result<TlsReloader> TlsReloader::Open(const TlsFiles& files) {
  TlsReloader reloader;
  reloader.files_ = files;
  reloader.stamp_ = Stamp(files);
  reloader.looked_ = std::chrono::steady_clock::now();
  PLUMB_TRY(reloader.context_, TlsContext::OfServer(files));
  return reloader;
}

std::shared_ptr<TlsContext> TlsReloader::Current(std::string& warning) {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < files_.look_every) return context_;
  looked_ = now;
  std::string stamp = Stamp(files_);
  if (stamp == stamp_) return context_;
  stamp_ = std::move(stamp);
  auto fresh = TlsContext::OfServer(files_);
  if (fresh) {
    context_ = std::move(*fresh);
  } else {
    warning = "the TLS files have changed and cannot be used; the old ones stay: " + fresh.error().Text();
  }
  return context_;
}

TlsSession::TlsSession(std::shared_ptr<TlsContext> context, int socket, const std::string& host)
    : context_(std::move(context)), ssl_(SSL_new(context_->get())) {
  BIO* bio = BIO_new(SocketMethod());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket)));
  SSL_set_bio(ssl_.get(), bio, bio);
  if (host.empty()) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  ErrorCode not_literal;
  asio::ip::make_address(host, not_literal);
  if (not_literal) {
    // Server name indication carries names only, never addresses.
    SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
    SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl_.get(), host.c_str());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
  }
  SSL_set_connect_state(ssl_.get());
}

Want TlsSession::After(int outcome, ErrorCode& error) {
  const int system = errno;
  switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_NONE: return Want::kNothing;
    case SSL_ERROR_WANT_READ: return Want::kRead;
    case SSL_ERROR_WANT_WRITE: return Want::kWrite;
    case SSL_ERROR_ZERO_RETURN: error = asio::error::eof; break;
    case SSL_ERROR_SYSCALL:
      // The socket ended without the session's goodbye: somebody may have cut it.
      if (outcome == 0 || system == 0) error = asio::error::connection_reset;
      else error.assign(system, boost::system::system_category());
      break;
    default: {
      const unsigned long code = ERR_get_error();
      error.assign(static_cast<int>(code), asio::error::get_ssl_category());
      if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) error = asio::error::connection_reset;
    }
  }
  ERR_clear_error();
  return Want::kNothing;
}

Want TlsSession::Handshake(ErrorCode& error) {
  ERR_clear_error();
  errno = 0;
  return After(SSL_do_handshake(ssl_.get()), error);
}

Want TlsSession::Read(char* into, size_t room, size_t& got, ErrorCode& error) {
  ERR_clear_error();
  errno = 0;
  return After(SSL_read_ex(ssl_.get(), into, room, &got), error);
}

Want TlsSession::Write(std::string_view bytes, size_t& put, ErrorCode& error) {
  ERR_clear_error();
  errno = 0;
  return After(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &put), error);
}

void TlsSession::Shutdown() {
  if (SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool TlsSession::HasBytes() const { return SSL_has_pending(ssl_.get()) == 1; }

long TlsSession::verified() const { return SSL_get_verify_result(ssl_.get()); }

}  // namespace plumb::net
