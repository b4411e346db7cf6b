// One client's connection to a Server: requests read one after the other, each handed to the handler. Private to this
// room.
#pragma once

#include <boost/intrusive/list.hpp>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "base/net/message.h"
#include "base/net/server.h"
#include "base/net/stream.h"

namespace plumb::net {

namespace intrusive = boost::intrusive;
using ListHook = intrusive::list_base_hook<intrusive::link_mode<intrusive::auto_unlink>, intrusive::tag<struct AllTag>>;
using QuietHook = intrusive::list_base_hook<intrusive::link_mode<intrusive::auto_unlink>, intrusive::tag<struct QuietTag>>;

class Connection : public ListHook, public QuietHook {
 public:
  using List = intrusive::list<Connection, intrusive::base_hook<ListHook>, intrusive::constant_time_size<false>>;
  // Those that wait for a request or are in the middle of sending its head, longest first.
  using QuietList = intrusive::list<Connection, intrusive::base_hook<QuietHook>, intrusive::constant_time_size<false>>;

  // What the connections of a server have in common.
  struct Shared {
    const ServerOptions& options;
    QuietList& quiet;
    std::span<char> scratch;  // what a read fills before it is handed out; never kept over a wait
  };

  Connection(std::unique_ptr<Stream> stream, std::string peer, bool loopback, Shared shared)
      : stream_(std::move(stream)), peer_(std::move(peer)), loopback_(loopback), shared_(shared) {}

  // Until the client or the server has had enough. `tls`: shakes hands first.
  asio::awaitable<void> Serve(const Handler& handler, std::shared_ptr<TlsContext> tls);
  // No further request: closes now when between two, else after the one in progress.
  void Retire();
  void Close();

 private:
  // Reads one request and has it answered, once its first bytes are in pending_. Whether another may follow.
  asio::awaitable<bool> ServeNext(const Handler& handler);
  // Whether a whole request was read; otherwise the connection is to be closed (an error answer has been sent).
  asio::awaitable<bool> ReadRequest(Request& request, Framing& framing);
  // What pending_ holds of the head, and of the body: whether that is all of it.
  struct HeadSearch {
    size_t seen = 0;
    bool blank_line_skipped = false;
  };
  std::expected<bool, HttpFault> TakeHead(HeadSearch& search, Request& request, Framing& framing);
  std::expected<bool, HttpFault> TakeBody(ChunkedBody& chunks, Request& request, const Framing& framing);
  // Appends what has come to pending_; false where that is nothing (would_block in `error`), at the end, and on errors.
  bool ReadNow(ErrorCode& error);
  // Appends what comes next. False at the end of the stream, and on errors.
  asio::awaitable<bool> ReadMore();
  asio::awaitable<void> Refuse(HttpFault fault);
  asio::awaitable<void> Answer(const Handler& handler, Request& request, ResponseWriter& out);
  // Reads on for a moment, so that the refusal is not lost with what the client is still sending.
  asio::awaitable<void> Linger();
  void SetBusy();
  void SetQuiet();

  std::unique_ptr<Stream> stream_;
  std::string peer_;
  bool loopback_;
  Shared shared_;
  std::string pending_;  // read and not yet parsed; holds nothing while the connection is idle
  bool waiting_ = false;  // for a request's first byte
  bool refused_ = false;
  bool retiring_ = false;
};

}  // namespace plumb::net
