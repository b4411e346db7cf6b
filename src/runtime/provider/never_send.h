// Which targets a text must not be sent to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/provider/target.h"

namespace plumb::provider {

// Rules are names with * for anything: they are held against the target as it is named ("openai:gpt-5-mini"), the vendor
// whose dialect its provider speaks ("openai:…"), and the host it would be asked at ("api.openai.com"), so that another name in
// plumb.yaml is no way round. The word "remote" stands for whatever does not run on this machine. A gateway may hand on to
// anyone: any rule forbids it. Error: kPermission, naming the rule.
Status MaySend(const std::vector<std::string>& never_send, std::string_view target, const OpenOptions& options);

}  // namespace plumb::provider
