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
  text += fmt::format("  {}: {}\n", plumb::ToJson(json::value(name)), plumb::ToJson(json::value(release.guarded)));
  return text;
}

}  // namespace

Status WriteRelease(const fs::path& out, const Release& release) {
  json::object body{{"format", 1}, {"alone", release.alone}, {"guarded", release.guarded}};
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
    return release;
  };
  auto release = read();
  if (!release) return FailAt(file.string(), Code::kCorrupt, "{}", release.error().message);
  return release;
}

}  // namespace plumb::loop
