// One plumb-lm, started and kept alive: socket, handshake, restart with backoff, dies with us.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/net/address.h"

namespace plumb::provider {

namespace asio = boost::asio;

struct LmOptions {
  fs::path program;                // empty: FindLm()
  std::vector<std::string> models;  // "smollm2", a folder, a .gguf; "+ADAPTER" puts an adapter on it
  std::vector<std::string> arguments;  // further ones for `plumb-lm serve`
  std::chrono::milliseconds start_limit{120'000};  // from start to handshake
  std::chrono::milliseconds patience{120'000};     // how long Ready waits for that
  std::chrono::milliseconds first_backoff{500}, longest_backoff{30'000};
  Clock clock = SystemClock();
};

enum class LmState { kOff, kStarting, kReady, kDown };
std::string_view LmStateName(LmState state);  // "off", "starting", "ready", "down"

// Where plumb-lm is: $PLUMB_LM, else beside the running program. Error: kNotFound, with what to do.
Result<fs::path> FindLm();

// Used on one thread, its executor's; that thread must outlive it (the kernel ends the child with the thread that
// started it).
class LmProcess {
 public:
  LmProcess(asio::any_io_executor executor, LmOptions options);
  // Ends the process.
  ~LmProcess();

  // Starts it where it does not run, and waits until it answers. Errors: kNotFound (no program, no such model: from the
  // program's own message), kUnavailable (it fell over; the next try comes after a pause), kDeadline, kUnsupported
  // (it speaks another protocol version).
  asio::awaitable<Result<net::Url>> Ready();

  LmState state() const;
  const std::string& detail() const;  // why it is down, what it is doing; "" when ready
  const json::object& handshake() const;
  int starts() const;
  int pid() const;  // -1 where none runs

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace plumb::provider
