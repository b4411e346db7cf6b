// Vendors and servers that speak OpenAI's protocol, each in its own accent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plumb::provider {

// How a request must be worded for one of them. The default is the plain protocol: everything is sent as it came.
// Fields are dropped only where the answer does not depend on them; whatever else a vendor does not know is sent, so
// that its own refusal is what the caller reads.
struct Dialect {
  std::string max_tokens;             // the one name it takes for the limit; "": whichever the caller used
  std::string seed = "seed";          // its name for it; "": it has none, and none is sent
  bool stream_options = true;         // knows stream_options.include_usage (those that do not count unasked)
  bool developer = true;              // knows the role "developer"; else it is sent as "system"
  bool names = true;                  // takes "name" in messages
  bool hidden_reasoning = false;      // completion_tokens leaves reasoning out; total_tokens does not
  bool key_as_api_key = false;        // "api-key: …" in place of "authorization: Bearer …"
  std::vector<std::string> completers;        // beginnings of the names of models that complete texts; "": all of them
  bool deployments = false;           // Azure: the model stands in the path, where an api-version is given
  std::vector<std::string> only;      // where not empty: the only fields it accepts
  std::vector<std::string> without;   // fields it refuses, and can do without
};

struct Preset {
  std::string_view name;
  std::string_view kind;     // openai | anthropic
  std::string_view url;      // "": must be given (Azure's holds the resource's name)
  std::string_view key_env;  // "": none is needed
  Dialect dialect;
};

// Every preset, in the order of docs/providers.md.
const std::vector<Preset>& Presets();
// nullptr where there is none of that name.
const Preset* FindPreset(std::string_view name);

}  // namespace plumb::provider
