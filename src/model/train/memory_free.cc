// What the machine says of memory: the only place of this room that asks it.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "model/train/memory.h"

namespace plumb::train {
namespace {

std::optional<int64_t> NumberIn(std::string_view text) {
  text = Trim(text);
  int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc()) return std::nullopt;  // "max": no limit
  return n;
}

std::optional<int64_t> NumberOf(const std::string& file) {
  auto text = ReadFile(file);
  return text ? NumberIn(*text) : std::nullopt;
}

// The number after `name` at the beginning of a line; 0 where there is none.
int64_t NumberAfter(const std::string& file, std::string_view name) {
  const auto text = ReadFile(file);
  if (!text) return 0;
  for (const std::string_view line : Split(*text, '\n'))
    if (line.starts_with(name)) return NumberIn(line.substr(name.size())).value_or(0);
  return 0;
}

// What the control group that we see from inside allows beyond what it holds; files that were read
// once and can be dropped do not count.
std::optional<int64_t> ControlGroup() {
  struct Names {
    std::string limit, held, stat, droppable;
  };
  const std::string root = "/sys/fs/cgroup/";
  for (const Names& names :
       {Names{root + "memory.max", root + "memory.current", root + "memory.stat", "inactive_file "},
        {root + "memory/memory.limit_in_bytes", root + "memory/memory.usage_in_bytes",
         root + "memory/memory.stat", "total_inactive_file "}}) {
    const auto most = NumberOf(names.limit), now = NumberOf(names.held);
    if (most && now)
      return std::max<int64_t>(1, *most - *now + NumberAfter(names.stat, names.droppable));
  }
  return std::nullopt;
}

}  // namespace

int64_t FreeMemory() {
  const int64_t free = NumberAfter("/proc/meminfo", "MemAvailable:") * 1024;
  const auto group = ControlGroup();
  return group && (free == 0 || *group < free) ? *group : free;
}

int64_t PeakMemory() {
  struct rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<int64_t>(usage.ru_maxrss) * 1024 : 0;
}

}  // namespace plumb::train
