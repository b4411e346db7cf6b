#include "runtime/provider/never_send.h"

#include <fnmatch.h>

#include "base/net/address.h"

namespace plumb::provider {
namespace {

bool Covers(const std::string& rule, std::string_view name) {
  return fnmatch(rule.c_str(), std::string(name).c_str(), FNM_CASEFOLD) == 0;
}

bool IsHere(std::string_view host) {
  return host == "localhost" || host == "::1" || (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace

Status MaySend(const std::vector<std::string>& never_send, std::string_view target, const OpenOptions& options) {
  if (never_send.empty()) return {};
  const std::string kind(target.substr(0, target.find(':')));
  const std::string model(target.size() > kind.size() ? target.substr(kind.size() + 1) : "");
  if (kind == "local" || kind == "replay") {
    for (const std::string& rule : never_send) {
      if (Covers(rule, target)) return Fail(Code::kPermission, "never_send '{}' forbids '{}'", rule, target);
    }
    return {};
  }
  if (kind == "gateway")
    return Fail(Code::kPermission, "never_send '{}' forbids '{}': a gateway may hand on to anyone", never_send.front(), target);
  std::vector<std::string> names = {std::string(target)};
  bool here = false;
  const auto find = [&](const std::vector<ProviderConfig>& list) {
    for (const ProviderConfig& config : list) {
      if (config.name != kind) continue;
      if (!config.preset.empty()) names.push_back(config.preset + ":" + model);
      if (const auto url = net::ParseUrl(config.url)) {
        names.push_back(url->address.host);
        here = url->address.unix_socket() || IsHere(url->address.host);
      }
      return true;
    }
    return false;
  };
  if (!find(options.providers)) find(BuiltinProviders());
  // Whose host one of the known vendors has is that vendor, whatever it is called here.
  for (const ProviderConfig& known : BuiltinProviders()) {
    const auto url = net::ParseUrl(known.url);
    if (url && names.back() == url->address.host) names.push_back(known.name + ":" + model);
  }
  for (const std::string& rule : never_send) {
    if (rule == "remote" && !here) return Fail(Code::kPermission, "never_send 'remote' forbids '{}', which does not run on this machine", target);
    for (const std::string& name : names) {
      if (Covers(rule, name)) return Fail(Code::kPermission, "never_send '{}' forbids '{}' ({})", rule, target, name);
    }
  }
  return {};
}

}  // namespace plumb::provider
