// plumb guard ground: what answers claim that stands in no part of what they were given
#include "cli/guard_ground.h"

#include <cstdio>

#include "runtime/guard/groundedness.h"

namespace plumb::cli {
namespace {

struct GroundFlags {
  std::string in = "-", out = "-";
  double support = 0.3;
};

json::object Grounded(const json::object& row, std::string_view answer, std::string_view context,
                      double least) {
  const guard::Groundedness g = guard::CheckGrounding(answer, context);
  const auto part = [&](guard::Span span) {
    return answer.substr(span.begin, span.end - span.begin);
  };
  json::array unsupported, sentences;
  for (const guard::Claim& claim : g.unsupported)
    unsupported.push_back({{"kind", guard::ClaimKindName(claim.kind)},
                           {"text", part(claim.span)},
                           {"span", {claim.span.begin, claim.span.end}}});
  for (const guard::SentenceSupport& sentence : g.sentences)
    if (sentence.support < least)
      sentences.push_back({{"span", {sentence.span.begin, sentence.span.end}},
                           {"support", sentence.support}});
  json::object out;
  for (const auto& [key, value] : row)
    if (key != "text" && key != "context") out[key] = value;
  out["claims"] = g.claims;
  out["unsupported"] = std::move(unsupported);
  out["weak_sentences"] = std::move(sentences);
  return out;
}

Status Ground(const GroundFlags& flags) {
  PLUMB_TRY(const std::vector<json::object> rows, ReadJsonl(flags.in));
  std::vector<json::object> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    const json::string* text = FindString(rows[i], "text");
    const json::string* context = FindString(rows[i], "context");
    if (text == nullptr || context == nullptr)
      return Fail(Code::kInvalid, "row {} of {} needs \"text\", an answer, and \"context\", what it was given", i + 1, flags.in);
    out.push_back(Grounded(rows[i], *text, *context, flags.support));
  }
  if (flags.out != "-") return WriteJsonl(flags.out, out);
  for (const json::object& row : out) std::puts(ToJson(row).c_str());
  return {};
}

}  // namespace

void AddGuardGround(CLI::App& guard_verb, Globals& globals) {
  auto* ground = guard_verb.add_subcommand(
      "ground", "Find what answers claim that their context does not say");
  auto flags = std::make_shared<GroundFlags>();
  AddGlobals(*ground, globals);
  ground->add_option("--in", flags->in, "JSONL with text and context; '-' is standard input")
      ->capture_default_str();
  ground->add_option("--out", flags->out, "Where the rows go; '-' is standard output")
      ->capture_default_str();
  ground->add_option("--support", flags->support,
                     "Sentences of which the context has fewer of the words are listed")
      ->capture_default_str();
  ground->callback([flags, &globals] {
    if (const Status done = Ground(*flags); !done) Report(done.error(), globals);
  });
}

}  // namespace plumb::cli
