// TLS of the listener: certificates, client certificates, versions, and files that change under it.
#include <gmock/gmock.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cstdlib>

#include "base/net/net_fixture_test.h"

namespace plumb::net {
namespace {

using testing::HasSubstr;

// An authority, and certificates that it signs.
class Authority {
 public:
  Authority() {
    Run("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Authority -keyout {0}/ca.key -out {0}/ca.pem");
    Issue("server");
    Issue("client");
  }
  void Issue(const std::string& name) {
    Run("req -newkey rsa:2048 -nodes -subj /CN=" + name + " -keyout {0}/" + name + ".key -out {0}/" + name + ".csr");
    Run("x509 -req -days 2 -in {0}/" + name + ".csr -CA {0}/ca.pem -CAkey {0}/ca.key -CAcreateserial -out {0}/" + name +
        ".pem -extfile <(printf subjectAltName=DNS:localhost)");
  }
  std::string File(const std::string& name) const { return (folder_.path() / name).string(); }
  TlsFiles Files() const { return {File("server.pem"), File("server.key"), "", 1ms}; }

 private:
  void Run(std::string command) {
    for (size_t at; (at = command.find("{0}")) != std::string::npos;) command.replace(at, 3, folder_.path().string());
    EXPECT_EQ(std::system(("bash -c 'openssl " + command + " >/dev/null 2>&1'").c_str()), 0) << command;
  }
  TempFolder folder_;
};

class TlsTest : public NetTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(); }
  // A client of ours that trusts the authority.
  Result<ClientResponse> Get(std::string target = "/x") {
    Client client({.ca_file = authority_.File("ca.pem")});
    ClientRequest request = To(std::move(target));
    request.url.tls = true;
    request.url.address.host = "localhost";
    auto answer = Wait(io_.executor(), client.Fetch(request));
    Wait(io_.executor(), [](Client* c) -> asio::awaitable<void> {
      c->CloseIdle();
      co_return;
    }(&client));
    return answer;
  }
  // What a client of OpenSSL's own gets with this context; the error's text where it gets nothing.
  std::string With(asio::ssl::context& context) {
    asio::io_context io;
    asio::ssl::stream<tcp::socket> stream(io, context);
    boost::system::error_code error;
    stream.next_layer().connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), server_->address().port), error);
    if (!error) stream.handshake(asio::ssl::stream_base::client, error);
    if (!error) asio::write(stream, asio::buffer(std::string_view("GET /y HTTP/1.0\r\n\r\n")), error);
    std::string out;
    boost::system::error_code end;
    if (!error) asio::read(stream, asio::dynamic_buffer(out), end);
    return out.empty() ? (error ? error : end).message() : out;
  }

  Authority authority_;
};

TEST_F(TlsTest, ServesOverTlsAndSaysSoInItsUrl) {
  Serve("127.0.0.1:0", {.tls = authority_.Files()});
  EXPECT_THAT(server_->url(), testing::StartsWith("https://127.0.0.1:"));
  auto answer = Get();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->body, "hello /x nobody");
  std::string large(3 << 20, 'x');
  Client client({.ca_file = authority_.File("ca.pem")});
  ClientRequest request = To("/echo", "POST", large);
  request.url.tls = true;
  request.url.address.host = "localhost";
  auto echoed = Wait(io_.executor(), client.Fetch(request));
  ASSERT_TRUE(echoed) << echoed.error().Text();
  EXPECT_TRUE(echoed->body == large);
  Wait(io_.executor(), [](Client* c) -> asio::awaitable<void> {
    c->CloseIdle();
    co_return;
  }(&client));
}

TEST_F(TlsTest, PlainHttpOnATlsPortGetsNoAnswer) {
  Serve("127.0.0.1:0", {.tls = authority_.Files()});
  EXPECT_THAT(Raw("GET / HTTP/1.1\r\nhost: h\r\n\r\n"), testing::Not(HasSubstr("200")));
  EXPECT_TRUE(Get());
}

TEST_F(TlsTest, NothingBelowTls12) {
  Serve("127.0.0.1:0", {.tls = authority_.Files()});
  asio::ssl::context old(asio::ssl::context::tls_client);
  SSL_CTX_set_security_level(old.native_handle(), 0);
  SSL_CTX_set_min_proto_version(old.native_handle(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old.native_handle(), TLS1_1_VERSION);
  EXPECT_THAT(With(old), testing::Not(HasSubstr("hello")));
  asio::ssl::context twelve(asio::ssl::context::tls_client);
  SSL_CTX_set_max_proto_version(twelve.native_handle(), TLS1_2_VERSION);
  EXPECT_THAT(With(twelve), HasSubstr("hello /y"));
}

TEST_F(TlsTest, ClientsShowACertificateWhereOneIsAsked) {
  TlsFiles files = authority_.Files();
  files.client_ca = authority_.File("ca.pem");
  Serve("127.0.0.1:0", {.tls = files});
  asio::ssl::context anonymous(asio::ssl::context::tls_client);
  EXPECT_THAT(With(anonymous), testing::Not(HasSubstr("hello")));

  Authority stranger;
  asio::ssl::context foreign(asio::ssl::context::tls_client);
  foreign.use_certificate_chain_file(stranger.File("client.pem"));
  foreign.use_private_key_file(stranger.File("client.key"), asio::ssl::context::pem);
  EXPECT_THAT(With(foreign), testing::Not(HasSubstr("hello")));

  asio::ssl::context known(asio::ssl::context::tls_client);
  known.use_certificate_chain_file(authority_.File("client.pem"));
  known.use_private_key_file(authority_.File("client.key"), asio::ssl::context::pem);
  EXPECT_THAT(With(known), HasSubstr("hello /y"));
}

TEST_F(TlsTest, ChangedFilesAreReadAgainAndBadOnesAreNot) {
  std::mutex mutex;
  std::vector<std::string> warnings;
  ServerOptions options{.tls = authority_.Files()};
  options.warn = [&](const std::string& line) {
    std::lock_guard lock(mutex);
    warnings.push_back(line);
  };
  Serve("127.0.0.1:0", options);
  ASSERT_TRUE(Get());
  // A new certificate of another authority: the old client no longer trusts it, so it is in use.
  Authority other;
  fs::copy_file(other.File("server.pem"), authority_.File("server.pem"), fs::copy_options::overwrite_existing);
  fs::copy_file(other.File("server.key"), authority_.File("server.key"), fs::copy_options::overwrite_existing);
  auto refused = Get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission) << refused.error().Text();
  // A broken one changes nothing, and is told.
  ASSERT_TRUE(WriteFileAtomic(authority_.File("server.pem"), "no certificate"));
  EXPECT_EQ(Get().error().code, Code::kPermission);
  std::lock_guard lock(mutex);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("the old ones stay"));
}

TEST_F(TlsTest, WrongFilesAreNamed) {
  auto listen = [&](TlsFiles files) {
    return Wait(io_.executor(), [](IoThread* io, TlsFiles f) -> asio::awaitable<Result<std::unique_ptr<Server>>> {
      co_return Server::Listen(io->executor(), {"127.0.0.1", 0, ""}, Hello, {.tls = f});
    }(&io_, files));
  };
  TlsFiles files = authority_.Files();
  files.key = authority_.File("client.key");
  auto mixed = listen(files);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().code, Code::kInvalid);
  EXPECT_THAT(mixed.error().Text(), HasSubstr("client.key"));
  files.key = "/nowhere/key.pem";
  EXPECT_EQ(listen(files).error().code, Code::kNotFound);
  Serve();  // for the fixture's end
}

}  // namespace
}  // namespace plumb::net
