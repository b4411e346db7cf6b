#include "cli/starter_files.h"

namespace plumb::cli {

fs::path ShippedFile(const fs::path& relative) {
  std::error_code error;
  fs::path at = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (; !error && at.has_relative_path(); at = at.parent_path()) {
    for (const fs::path& candidate : {at / relative, at / "share" / "plumbline" / relative}) {
      if (fs::exists(candidate, error)) return candidate;
    }
  }
  return {};
}

}  // namespace plumb::cli
