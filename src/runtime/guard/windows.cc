#include "runtime/guard/windows.h"

#include <algorithm>

#include "runtime/guard/ascii.h"

namespace plumb::guard {
namespace {

using ascii::IsContinuation;
using ascii::IsSpace;

}  // namespace

std::vector<std::pair<size_t, size_t>> Windows(std::string_view text, size_t bytes, size_t overlap) {
  std::vector<std::pair<size_t, size_t>> out;
  bytes = std::max<size_t>(bytes, 16);
  overlap = std::min(overlap, bytes / 2);
  for (size_t begin = 0;;) {
    if (text.size() - begin <= bytes) {
      out.emplace_back(begin, text.size());
      return out;
    }
    size_t end = begin + bytes;
    for (size_t i = end; i > end - bytes / 4; --i)
      if (IsSpace(text[i - 1])) {
        end = i;
        break;
      }
    while (end > begin + bytes / 2 && IsContinuation(text[end])) --end;
    out.emplace_back(begin, end);
    size_t next = end - overlap;
    while (next < end && IsContinuation(text[next])) ++next;
    begin = next;
  }
}

}  // namespace plumb::guard
