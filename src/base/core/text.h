// Small things done to text, in one place.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plumb {

bool IsUtf8(std::string_view bytes);
// Replaces every malformed sequence with U+FFFD.
std::string ToUtf8(std::string_view bytes);
std::string Lower(std::string_view text);  // ASCII only
std::string_view Trim(std::string_view text);
std::vector<std::string_view> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
bool StartsWithNoCase(std::string_view text, std::string_view prefix);

// The candidate nearest to `name` by edit distance, where one is near enough to be a slip.
std::optional<std::string> NearestName(std::string_view name, const std::vector<std::string>& candidates);
// ", did you mean 'x'?" or "".
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace plumb
