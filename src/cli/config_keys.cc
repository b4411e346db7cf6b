#include "cli/config_keys.h"

#include "base/core/core.h"

namespace plumb::cli {

gateway::Key ReadKey(const Node& node, Reader& reader) {
  gateway::Key key;
  if (!reader.Map(node, "a key", {"name", "sha256", "role"})) return key;
  if (const Node* name = node.Find("name")) key.name = reader.Text(*name, "name");
  if (key.name.empty()) reader.Wrong(node, "a key needs a name");
  const Node* hash = node.Find("sha256");
  key.sha256 = hash ? Lower(reader.Text(*hash, "sha256")) : "";
  if (auto bytes = HexDecode(key.sha256); !bytes || bytes->size() != 32) {
    reader.Wrong(hash ? *hash : node, "a key needs sha256: the 64 hexadecimal digits of the key's SHA-256");
  }
  if (const Node* role = node.Find("role")) {
    key.role = reader.OneOf(*role, "role", {"application", "reviewer", "operator", "auditor", "administrator"});
  }
  return key;
}

}  // namespace plumb::cli
