// Our own exchanges: from the ledger, from its export, from /api/exchanges/{id}.
#include "intent/data/traffic_row.h"

namespace plumb::data {
namespace {

// The recorded answer is the text with its tool calls, as JSON, behind it.
void SplitCalls(Traffic& out) {
  if (!out.response.ends_with("]")) return;
  // Arguments may hold such a bracket too: the earliest that parses as a list of calls is taken.
  int tries = 0;
  for (size_t begin = out.response.find("[{\""); begin != std::string::npos && ++tries <= 64;
       begin = out.response.find("[{\"", begin + 1)) {
    auto parsed = ParseJson(std::string_view(out.response).substr(begin));
    if (!parsed || !parsed->is_array()) continue;
    bool calls = true;
    for (const json::value& one : parsed->get_array()) calls = calls && one.is_object() && one.get_object().contains("function");
    if (!calls) continue;
    out.tool_calls = std::move(parsed->get_array());
    out.response.resize(begin);
    return;
  }
}

std::string WhyNoText(const json::object& body, const json::object& texts, std::string_view field) {
  if (const json::value* text = texts.if_contains(field); text && text->is_null()) return "erased";
  const json::object* hashes = FindObject(body, "sha256");
  return hashes && hashes->contains(field) ? "hashed" : "not kept";
}

void TakeVerdicts(const json::object& body, Traffic& out) {
  const json::object* verdicts = FindObject(body, "verdicts");
  for (const char* direction : {"input", "output"}) {
    const json::object* summary = FindObject(body, direction);
    if (!summary) continue;
    TrafficVerdict& verdict = out.verdicts[direction];
    verdict.action = FirstText(*summary, {"action"});
    if (const json::array* clauses = FindArray(*summary, "clauses")) {
      for (const json::value& clause : *clauses) {
        if (clause.is_string()) verdict.fired.emplace(clause.get_string());
      }
    }
    const json::object* full = verdicts ? FindObject(*verdicts, direction) : nullptr;
    if (const json::object* categories = full ? FindObject(*full, "categories") : nullptr) {
      for (const auto& [id, category] : *categories) verdict.known.emplace(id);
    }
  }
}

}  // namespace

Traffic TrafficOfExchange(const std::string& id, const std::string& time, const json::object& body, const json::object& texts) {
  Traffic out;
  out.id = id;
  out.time = time;
  out.where = id;
  out.model = FirstText(body, {"model"});
  out.key = FirstText(body, {"key"});
  out.action = FirstText(body, {"action"});
  out.clause = FirstText(body, {"clause"});
  out.observed = FirstText(body, {"mode"}) == "observe";
  if (const json::object* attributes = FindObject(body, "attributes")) {
    for (const auto& [key, value] : *attributes) {
      if (value.is_string()) out.attributes[key] = std::string(value.get_string());
    }
  }
  TakeVerdicts(body, out);
  const json::string* request = FindString(texts, "request");
  if (!request) {
    out.no_request = WhyNoText(body, texts, "request");
  } else if (!TakeRequest(Unpacked(*request), out)) {
    out.no_request = "no text";
  }
  const std::string status = FirstText(body, {"status"});
  // What the model said: kept apart where the caller was given something else.
  if (const json::string* withheld = FindString(texts, "withheld")) {
    out.response = std::string(*withheld);
  } else if (!body.contains("output") || body.at("output").is_null()) {
    out.no_response = status == "error" ? "the call failed" : "not asked";
    return out;
  } else if (const json::string* response = FindString(texts, "response")) {
    out.response = std::string(*response);
  } else {
    out.no_response = WhyNoText(body, texts, "response");
    return out;
  }
  SplitCalls(out);
  if (out.response.empty() && out.tool_calls.empty()) out.no_response = "no text";
  return out;
}

Status ReadPlumbTraffic(const TrafficRow& row, TrafficSink& sink) {
  const json::object& object = row.object;
  static const json::object none;
  if (object.contains("entry")) {  // a line of `plumb ledger export`
    const json::value entry = Unpacked(object.at("entry"));
    if (!entry.is_object()) return FailAt(row.Place("entry"), Code::kInvalid, "'entry' must be a ledger entry's JSON");
    const json::object& fields = entry.get_object();
    const std::string kind = FirstText(fields, {"kind"});
    if (kind != "exchange") {
      sink.Skip("kind " + kind);
      return {};
    }
    const json::object* body = FindObject(fields, "body");
    if (!body) return FailAt(row.Place("entry"), Code::kInvalid, "an exchange needs a 'body'");
    const json::object* texts = FindObject(object, "texts");
    sink.ready.push_back(TrafficOfExchange(FirstText(fields, {"id"}), FirstText(fields, {"time"}), *body, texts ? *texts : none));
    return {};
  }
  if (!object.contains("id") || !object.contains("action")) {
    return FailAt(row.Place(), Code::kInvalid, "this is neither a line of 'plumb ledger export' nor an exchange of /api/exchanges/ID");
  }
  json::object texts;
  if (const json::array* messages = FindArray(object, "messages")) texts["request"] = ToJson(*messages);
  for (const char* field : {"response", "withheld"}) {
    if (const json::string* text = FindString(object, field)) texts[field] = *text;
  }
  sink.ready.push_back(TrafficOfExchange(FirstText(object, {"id"}), FirstText(object, {"time"}), object, texts));
  return {};
}

}  // namespace plumb::data
