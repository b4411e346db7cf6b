// OpenAI's /v1/embeddings: every input is one thing a user says; the vectors pass as the vendor gives them.
#include "runtime/gateway/openai_form.h"

namespace plumb::gateway {
namespace {

Result<Call> ParseEmbeddings(const json::object& body) {
  Call call;
  PLUMB_TRY(call.request.model, GetStringOr(body, "model", ""));
  const json::value* input = body.if_contains("input");
  std::vector<std::string> texts;
  const Status read = input ? ReadTexts(body, "input", texts) : Status();
  if (!read || texts.empty()) {
    return Fail(Code::kInvalid, "input must be a text or a list of texts; token numbers cannot be guarded and are not served");
  }
  for (const std::string& text : texts) call.request.messages.push_back(json::object{{"role", "user"}, {"content", text}});
  for (const char* key : {"dimensions", "encoding_format"}) {
    if (const json::value* value = body.if_contains(key); value && !value->is_null()) call.request.extra[key] = *value;
  }
  PLUMB_TRY(call.subject, ReadSubject(body));
  return call;
}

class EmbeddingsForm final : public Surface {
 public:
  std::string_view name() const override { return "embeddings"; }
  Result<Call> Parse(const json::object& body) const override { return ParseEmbeddings(body); }
  json::object Whole(const Head&, const Call&, const Answer&) const override { return {}; }
  std::unique_ptr<StreamWriter> Stream(const Head&, const Call&) const override { return nullptr; }
  json::value ErrorBody(const Error& error) const override { return OpenAiError(error); }
};

}  // namespace

const Surface& EmbeddingsSurface() {
  static const EmbeddingsForm surface;
  return surface;
}

}  // namespace plumb::gateway
