// What the readers of traffic formats share. Private to this room.
#pragma once

#include <functional>
#include <string>

#include "intent/data/traffic.h"

namespace plumb::data {

// One row of a file: its object, and where things in it are.
struct TrafficRow {
  const json::object& object;
  std::string_view text;  // the row as it stands in the file
  const std::string& name;
  size_t line = 1, column = 1;  // of the row's first character

  // "file:line:column" of the row, or of `key` in it.
  std::string Place(std::string_view key = {}) const;
};

// Where the exchanges of a row go, and rows that are none, by what they are.
struct TrafficSink {
  std::deque<Traffic>& ready;
  std::map<std::string, size_t>& skipped;
  void Skip(const std::string& what) { ++skipped[what]; }
};

Status ReadPlumbTraffic(const TrafficRow& row, TrafficSink& sink);
Status ReadOpenAiTraffic(const TrafficRow& row, TrafficSink& sink);
Status ReadLiteLlmTraffic(const TrafficRow& row, TrafficSink& sink);
Status ReadLangfuseTraffic(const TrafficRow& row, TrafficSink& sink);

// A request in any API's form → messages. False where it holds no text a person or model could read.
//   a text · a list of messages · {"messages",["system"]} · {"input",["instructions"]} · {"prompt"} · {"contents"}
bool TakeRequest(const json::value& request, Traffic& out);
// An answer in any API's form → response and tool calls. False where it holds neither.
//   a text · a message · {"choices"} · a list of stream chunks · {"output"} · {"content"} · {"text"} and the like
bool TakeResponse(const json::value& response, Traffic& out);

// A value that a log wrote as JSON inside a text is parsed; everything else is returned as it is.
json::value Unpacked(const json::value& value);
// Seconds or milliseconds since 1970, RFC 3339, or "2024-05-29 13:46:19.963000" → RFC 3339 UTC; "" for anything else.
std::string TimeOf(const json::value& value);
// The first of `keys` that is a text which is not empty.
std::string FirstText(const json::object& object, std::initializer_list<std::string_view> keys);
// The first of `keys` that is there and not null.
const json::value* FirstValue(const json::object& object, std::initializer_list<std::string_view> keys);

}  // namespace plumb::data
