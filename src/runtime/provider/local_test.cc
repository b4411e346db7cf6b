// The supervisor and the local provider against a stand-in for plumb-lm that misbehaves on demand.
#include "runtime/provider/local.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <thread>

#include "base/net/net.h"
#include "runtime/provider/target.h"

namespace plumb::provider {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// MOCK of plumb-lm: what it does depends on the model it is started with.
constexpr char kMockLm[] = R"py(#!/usr/bin/env python3
import http.server, json, os, socketserver, sys
arguments = sys.argv[1:]
path = arguments[arguments.index("--socket") + 1]
model = arguments[arguments.index("--model") + 1]
if model == "missing":
    sys.exit("plumb-lm: missing: there is no such model, did you mean 'smollm2'?")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def send(self, body, kind="application/json"):
        data = body.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.send(json.dumps({"protocol": 2 if model == "old" else 1, "pid": os.getpid(), "arguments": arguments}))
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/v1/classify":
            self.send(json.dumps({"heads": ["a", "b"], "scores": [[len(t) / 100, 0.5] for t in body["texts"]]}))
        elif self.path == "/v1/logprobs":
            self.send(json.dumps({"results": [{"tokens": ["x", "y"], "logprobs": [-1.0, -0.5], "sum": -1.5, "count": 2}
                                              for _ in body["items"]]}))
        elif self.path == "/v1/generate":
            lines = []
            for request in reversed(body["requests"]):
                text = request["messages"][-1]["content"]
                if text == "wrong":
                    lines.append({"id": request["id"], "error": {"code": "invalid", "message": "this one is wrong"}})
                else:
                    lines.append({"id": request["id"], "text": text.upper(), "finish_reason": "stop",
                                  "usage": {"input_tokens": 3, "output_tokens": 2}})
            data = "".join(json.dumps(line) + "\n" for line in lines).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data) + (1 if model == "falls" else 0)))
            self.end_headers()
            if model == "falls":
                self.wfile.write(data[:len(data) // 2])
                self.wfile.flush()
                os._exit(3)
            self.wfile.write(data)
        else:
            self.send(json.dumps({"model": model, "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": "pid %d" % os.getpid()}}]}))
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    def get_request(self):
        request, _ = super().get_request()
        return request, ("local", 0)
Server(path, Handler).serve_forever()
)py";

class LocalTest : public testing::Test {
 protected:
  void SetUp() override {
    program_ = folder_.path() / "plumb-lm";
    ASSERT_TRUE(WriteFileAtomic(program_, kMockLm));
    ::chmod(program_.c_str(), 0755);
  }
  LmOptions Options() {
    LmOptions options;
    options.program = program_;
    options.first_backoff = 50ms;
    options.start_limit = 20s;
    return options;
  }
  Target Open(const std::string& model) {
    OpenOptions options;
    options.lm = Options();
    auto target = OpenTarget("local:" + model, options);
    EXPECT_TRUE(target) << target.error().Text();
    return *target;
  }
  static ChatRequest Ask(std::string text) {
    ChatRequest request;
    request.messages = {{{"role", "user"}, {"content", text}}};
    return request;
  }
  static Result<ChatResponse> Chat(const Target& target) {
    return net::Wait(target.provider->executor(), target.provider->Chat(Ask("x")));
  }
  static LocalProvider& Local(const Target& target) { return static_cast<LocalProvider&>(*target.provider); }
  // The process belongs to its executor's thread: it is asked there.
  static int Of(const Target& target, int (LmProcess::*ask)() const) {
    return net::Wait(target.provider->executor(), [](const LmProcess* it, int (LmProcess::*ask)() const) -> asio::awaitable<int> {
      co_return (it->*ask)();
    }(&Local(target).process(), ask));
  }

  TempFolder folder_;
  fs::path program_;
};

TEST_F(LocalTest, StartsOnceAndAnswers) {
  const Target target = Open("m");
  auto first = Chat(target);
  ASSERT_TRUE(first) << first.error().Text();
  EXPECT_EQ(Chat(target)->text, first->text);
  EXPECT_EQ(Of(target, &LmProcess::starts), 1);
}

TEST_F(LocalTest, ComesBackAfterACrash) {
  const Target target = Open("m");
  auto first = Chat(target);
  ASSERT_TRUE(first) << first.error().Text();
  ::kill(Of(target, &LmProcess::pid), SIGKILL);
  std::this_thread::sleep_for(200ms);
  auto again = Chat(target);
  ASSERT_TRUE(again) << again.error().Text();
  EXPECT_NE(again->text, first->text);
  EXPECT_EQ(Of(target, &LmProcess::starts), 2);
}

TEST_F(LocalTest, TheProgramsOwnWordsReachTheCaller) {
  auto answer = Chat(Open("missing"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kNotFound);
  EXPECT_THAT(answer.error().message, HasSubstr("did you mean 'smollm2'?"));
}

TEST_F(LocalTest, AnotherProtocolIsRefused) {
  auto answer = Chat(Open("old"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnsupported);
  EXPECT_THAT(answer.error().message, HasSubstr("speaks protocol 2"));
}

TEST_F(LocalTest, BatchKeepsOrderAndOnesOwnErrors) {
  const Target target = Open("m");
  std::vector<ChatRequest> requests = {Ask("one"), Ask("wrong"), Ask("three")};
  std::vector<size_t> order;
  OnDone on_done = [&](size_t index, const Result<ChatResponse>&) {
    order.push_back(index);
    return true;
  };
  auto answers = ChatAll(*target.provider, requests, 4, on_done);
  ASSERT_TRUE(answers) << answers.error().Text();
  EXPECT_EQ((*answers)[0]->text, "ONE");
  EXPECT_EQ((*answers)[0]->usage.input_tokens, 3);
  EXPECT_THAT((*answers)[1].error().message, HasSubstr("this one is wrong"));
  EXPECT_EQ((*answers)[2]->text, "THREE");
  EXPECT_THAT(order, testing::ElementsAre(2, 1, 0));
}

TEST_F(LocalTest, AFallInTheMiddleOfABatchIsNoAnswer) {
  const Target target = Open("falls");
  std::vector<ChatRequest> requests;
  for (int i = 0; i < 20; ++i) requests.push_back(Ask(fmt::format("text number {}", i)));
  auto answers = ChatAll(*target.provider, requests, 4, nullptr);
  ASSERT_TRUE(answers) << answers.error().Text();
  EXPECT_TRUE(answers->back());
  EXPECT_FALSE(answers->front());
}

TEST_F(LocalTest, Logprobs) {
  const Target target = Open("m");
  auto rows = Local(target).Logprobs({Ask("a").messages}, {"b"});
  ASSERT_TRUE(rows) << rows.error().Text();
  EXPECT_DOUBLE_EQ(rows->at(0).total, -1.5);
}

TEST_F(LocalTest, EncoderScores) {
  net::IoThread io;
  auto encoder = std::make_unique<LocalEncoder>(io.executor(), "minilm", Options());
  auto rows = encoder->Classify({"12345", ""});
  ASSERT_TRUE(rows) << rows.error().Text();
  EXPECT_FLOAT_EQ((*rows)[0][0], 0.05f);
  EXPECT_THAT(*encoder->Heads(), testing::ElementsAre("a", "b"));
  net::Wait(io.executor(), [](std::unique_ptr<LocalEncoder>* owned) -> asio::awaitable<void> {
    owned->reset();
    co_return;
  }(&encoder));
}

TEST_F(LocalTest, ProcessEndsWithItsOwner) {
  int pid = 0;
  {
    const Target target = Open("m");
    ASSERT_TRUE(Chat(target));
    pid = Of(target, &LmProcess::pid);
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(FindLm, SaysWhatToDo) {
  ::setenv("PLUMB_LM", "/nowhere/plumb-lm", 1);
  auto found = FindLm();
  ::unsetenv("PLUMB_LM");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().Text(), HasSubstr("$PLUMB_LM names no program"));
}

}  // namespace
}  // namespace plumb::provider
