// Which texts belong together, so that no split sees another's text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plumb::policy {

// For each text the index of the first text of its family: texts joined by a chain of near-duplicates. Two texts are
// near-duplicates where the Jaccard similarity of their sets of words and word pairs is at least `threshold`; letters
// of scripts without spaces count as words. Exact (no sketches), by prefix filtering: nearly linear on prose.
std::vector<size_t> NearDuplicateFamilies(const std::vector<std::string_view>& texts, double threshold = 0.6);

}  // namespace plumb::policy
