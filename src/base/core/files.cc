#include "base/core/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace plumb {
namespace {

std::unexpected<Error> OsError(const fs::path& path, std::string_view doing) {
  const int error = errno;
  return FailAt(path.string(), error == ENOENT ? Code::kNotFound : Code::kIo, "{}: {}", doing,
                std::strerror(error));
}

}  // namespace

Result<std::string> ReadFile(const fs::path& path) {
  if (path == "-")
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return FailAt(path.string(), Code::kIo, "is a folder, not a file");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return OsError(path, "cannot open");
  std::string bytes;
  const auto size = fs::file_size(path, ignored);
  if (!ignored) bytes.reserve(size);
  char buffer[1 << 16];
  ssize_t n;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0) bytes.append(buffer, n);
  const auto failed = n < 0 ? OsError(path, "cannot read") : std::unexpected(Error{});
  ::close(fd);
  if (n < 0) return failed;
  return bytes;
}

Status MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FailAt(path.string(), Code::kIo, "cannot create the folder: {}", error.message());
  return {};
}

Status WriteFileAtomic(const fs::path& path, std::string_view bytes) {
  if (path.has_parent_path()) PLUMB_CHECK(MakeFolder(path.parent_path()));
  std::string beside = path.string() + ".XXXXXX";
  const int fd = ::mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) return OsError(path, "cannot create");
  auto give_up = [&](std::string_view doing) {
    auto failed = OsError(path, doing);
    ::close(fd);
    ::unlink(beside.c_str());
    return failed;
  };
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return give_up("cannot write");
    done += n;
  }
  if (::fchmod(fd, 0644) != 0 || ::fsync(fd) != 0) return give_up("cannot write");
  ::close(fd);
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    auto failed = OsError(path, "cannot replace");
    ::unlink(beside.c_str());
    return failed;
  }
  return {};
}

TempFolder::TempFolder() {
  const char* base = std::getenv("TMPDIR");
  std::string name = std::string(base && *base ? base : "/tmp") + "/plumb-XXXXXX";
  if (::mkdtemp(name.data())) path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

fs::path CacheFolder() {
  if (const char* cache = std::getenv("PLUMB_CACHE"); cache && *cache) return cache;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return fs::path(xdg) / "plumb";
  const char* home = std::getenv("HOME");
  return fs::path(home && *home ? home : "/tmp") / ".cache" / "plumb";
}

}  // namespace plumb
