// Past traffic: exchanges as gateways log them, ours and others', in one shape.
//
//   plumb     rows of `plumb ledger export`, and of /api/exchanges/{id}
//   openai    requests and answers of OpenAI's APIs (chat, completions, responses) or Anthropic's messages, as
//             {"request","response"}, as the Batch API's files, as stored completions, or as {"messages","response"}
//   litellm   LiteLLM's standard logging payload and its spend logs
//   langfuse  Langfuse's exports: traces, observations (API, table and blob storage forms)
//
//   PLUMB_TRY(TrafficReader reader, TrafficReader::Open("october.jsonl", TrafficFormat::kLiteLlm));
//   for (;;) {
//     PLUMB_TRY(const std::optional<Traffic> one, reader.Next());
//     if (!one) break;
//     …
//   }
//
// Files are JSONL, a JSON array, one object, or a page {"data":[…]}. Errors are kInvalid with file:line:column; Next may
// be called again after one and goes on behind the row.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/core/core.h"

namespace plumb::data {

enum class TrafficFormat { kPlumb, kOpenAi, kLiteLlm, kLangfuse };
std::string_view TrafficFormatName(TrafficFormat format);  // "plumb", "openai", …
// Error: kInvalid, listing the names.
Result<TrafficFormat> ParseTrafficFormat(std::string_view name);

// What was said of one direction when the exchange happened.
struct TrafficVerdict {
  std::string action;
  std::set<std::string> fired;  // clauses
  std::set<std::string> known;  // clauses that were looked for
};

struct Traffic {
  std::string id;
  std::string time;     // RFC 3339 UTC; empty where the log has none that can be read
  std::string model;    // as it was asked for
  std::string key;      // the name of the key, where the log has one
  std::string subject;  // the end user, where the log names one
  std::map<std::string, std::string> attributes;  // channel, region, … where the log has them

  json::array messages;            // OpenAI's form; empty where `no_request` says why
  std::string response;            // what the model said
  json::array tool_calls;          // OpenAI's
  std::string no_request;          // why the text of the request is not here: "hashed", "erased", "not kept", "redacted"
  std::string no_response;         // the same of the answer, and "not asked": stopped before the model was

  std::string action;                               // what was done then: "allow" … "hold"; empty: the log does not say
  std::string clause;                               // whose action it was
  bool observed = false;                            // recorded and not done
  std::map<std::string, TrafficVerdict> verdicts;   // by direction; empty: nothing judged it
  std::string where;                                // file:line:column, or the ledger entry
};

class TrafficReader {
 public:
  // Errors: kNotFound, kIo.
  static Result<TrafficReader> Open(const fs::path& path, TrafficFormat format);
  // From text; `name` stands in errors.
  TrafficReader(std::string text, std::string name, TrafficFormat format);

  // The next exchange, or nothing at the end.
  Result<std::optional<Traffic>> Next();

  // Rows that are no exchange with a chat model, by what they are: "embedding", "SPAN", "kind run".
  const std::map<std::string, size_t>& skipped() const { return skipped_; }
  // How far the file is read, 0..1.
  double progress() const;

 private:
  struct Slice {
    size_t begin = 0, end = 0;
  };
  std::optional<Slice> NextSlice();
  Status Take(Slice slice);

  std::string text_, name_;
  TrafficFormat format_;
  size_t at_ = 0;
  bool lines_ = false;  // one object a line
  size_t counted_ = 0, line_ = 1, line_begin_ = 0;  // lines up to the row that was read last
  std::deque<Traffic> ready_;
  std::map<std::string, size_t> skipped_;
};

// A ledger entry of kind "exchange" as traffic.
Traffic TrafficOfExchange(const std::string& id, const std::string& time, const json::object& body,
                          const json::object& texts);

}  // namespace plumb::data
