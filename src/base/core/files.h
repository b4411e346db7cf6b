// Whole files: read in one go, written so that a reader sees the old text or the new, never half of it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace plumb {

namespace fs = std::filesystem;

// The bytes of `path`; "-" reads standard input. Errors: kNotFound, kIo.
Result<std::string> ReadFile(const fs::path& path);

// Writes beside `path`, syncs and renames. Creates missing parent folders. Errors: kIo (disk full, permission); the
// old file is then untouched.
Status WriteFileAtomic(const fs::path& path, std::string_view bytes);

// Creates `path` and its parents. Errors: kIo.
Status MakeFolder(const fs::path& path);

// A folder that is removed, with all in it, when this goes out of scope.
class TempFolder {
 public:
  TempFolder();  // under $TMPDIR or /tmp
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// $PLUMB_CACHE, else $XDG_CACHE_HOME/plumb, else ~/.cache/plumb: where downloads and derived files are kept.
fs::path CacheFolder();

}  // namespace plumb
