#include "loop/release.h"

namespace plumb::loop {
namespace {

// "local:smollm2" → "smollm2": what applications ask for.
std::string NameOf(const std::string& target) { return target.substr(target.find(':') + 1); }

std::string ServeYaml(const Release& release) {
  const std::string name = NameOf(release.guarded);
  std::string text = "# What to put into plumb.yaml to serve this turn's model behind its guard.\n";
  if (!release.guard.empty()) text += fmt::format("guard: {}\n", plumb::ToJson(json::value(release.guard.string())));
  text += "models:\n";
  if (release.in_doubt.empty()) {
    text += fmt::format("  {}: {}\n", plumb::ToJson(json::value(name)), plumb::ToJson(json::value(release.guarded)));
  } else {
    text += fmt::format("  {}:\n    target: {}\n    in_doubt: {{from: {}, model: {}}}\n", plumb::ToJson(json::value(name)), plumb::ToJson(json::value(release.guarded)),
                        release.in_doubt_from, plumb::ToJson(json::value(name + "-careful")));
    text += fmt::format("  {}: {}\n", plumb::ToJson(json::value(name + "-careful")), plumb::ToJson(json::value(release.in_doubt)));
  }
  return text;
}

}  // namespace

Status WriteRelease(const fs::path& out, const Release& release) {
  json::object body{{"format", 1}, {"alone", release.alone}, {"guarded", release.guarded}};
  if (!release.in_doubt.empty()) body["in_doubt"] = {{"from", release.in_doubt_from}, {"target", release.in_doubt}};
  if (!release.guard.empty()) body["guard"] = release.guard.string();
  if (!release.system.empty()) body["system"] = release.system.string();
  PLUMB_CHECK(WriteFileAtomic(out / "serve.yaml", ServeYaml(release)));
  return WriteFileAtomic(out / "release.json", ToPrettyJson(body));
}

Result<Release> ReadRelease(const fs::path& out) {
  const fs::path file = out / "release.json";
  PLUMB_TRY(const auto value, ReadJson(file));
  const auto* body = value.if_object();
  if (!body) return FailAt(file.string(), Code::kCorrupt, "is not a JSON object");
  auto read = [&]() -> Result<Release> {
    Release release;
    PLUMB_TRY(release.alone, GetString(*body, "alone"));
    PLUMB_TRY(release.guarded, GetString(*body, "guarded"));
    PLUMB_TRY(const std::string guard, GetStringOr(*body, "guard", ""));
    PLUMB_TRY(const std::string system, GetStringOr(*body, "system", ""));
    release.guard = guard;
    release.system = system;
    if (const auto* doubt = body->if_contains("in_doubt")) {
      if (!doubt->is_object()) return Fail(Code::kCorrupt, "in_doubt is not an object");
      PLUMB_TRY(release.in_doubt, GetString(doubt->get_object(), "target"));
      PLUMB_TRY(release.in_doubt_from, GetNumber(doubt->get_object(), "from"));
    }
    return release;
  };
  auto release = read();
  if (!release) return FailAt(file.string(), Code::kCorrupt, "{}", release.error().message);
  return release;
}

}  // namespace plumb::loop
