#include "intent/data/duplicate.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <unordered_map>

namespace plumb::data {
namespace {

constexpr size_t kPermutations = 128, kBands = 32, kRows = kPermutations / kBands;

uint64_t Fnv1a(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001B3ull;
  return hash;
}

uint64_t Mix(uint64_t z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ z >> 27) * 0x94D049BB133111EBull;
  return z ^ z >> 31;
}

using Signature = std::array<uint64_t, kPermutations>;

Signature MinHash(const std::vector<uint64_t>& shingles) {
  Signature signature;
  signature.fill(std::numeric_limits<uint64_t>::max());
  for (uint64_t shingle : shingles) {
    for (size_t i = 0; i < kPermutations; ++i)
      signature[i] = std::min(signature[i], Mix(shingle + i * 0x9E3779B97F4A7C15ull));
  }
  return signature;
}

size_t Shared(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  size_t shared = 0;
  for (size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    if (a[i] == b[k]) ++shared, ++i, ++k;
    else if (a[i] < b[k]) ++i;
    else ++k;
  }
  return shared;
}

void AppendTurns(const json::value& value, bool users_only, std::string& out) {
  const auto add = [&](std::string_view text) {
    if (!out.empty()) out += '\n';
    out += text;
  };
  if (value.is_string()) add(value.as_string());
  if (!value.is_array()) return;
  for (const json::value& turn : value.as_array()) {
    if (!turn.is_object()) continue;
    const json::string* role = FindString(turn.as_object(), "role");
    const json::string* content = FindString(turn.as_object(), "content");
    if (content && (!users_only || !role || *role == "user")) add(*content);
  }
}

}  // namespace

std::string NormalizeForComparison(std::string_view text) {
  std::string out;
  utf8proc_ssize_t at = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  while (at < static_cast<utf8proc_ssize_t>(text.size())) {
    utf8proc_int32_t code = 0;
    const utf8proc_ssize_t n = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size()) - at, &code);
    if (n <= 0) {
      ++at;
      continue;
    }
    at += n;
    const utf8proc_category_t category = utf8proc_category(code);
    const bool word = (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_MC) ||
                      category == UTF8PROC_CATEGORY_ND;
    if (word) {
      utf8proc_uint8_t encoded[4];
      const utf8proc_ssize_t length = utf8proc_encode_char(utf8proc_tolower(code), encoded);
      out.append(reinterpret_cast<const char*>(encoded), length);
    } else if (code != '\'' && code != 0x2019 && !out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::vector<uint64_t> Shingles(std::string_view text, size_t words) {
  const std::string normal = NormalizeForComparison(text);
  std::vector<uint64_t> out;
  if (normal.empty()) return out;
  std::vector<size_t> starts = {0};
  for (size_t i = 0; i < normal.size(); ++i) {
    if (normal[i] == ' ') starts.push_back(i + 1);
  }
  starts.push_back(normal.size() + 1);
  const size_t count = starts.size() - 1;
  if (count <= words) {
    out.push_back(Fnv1a(normal));
  } else {
    for (size_t i = 0; i + words <= count; ++i)
      out.push_back(Fnv1a(std::string_view(normal).substr(starts[i], starts[i + words] - 1 - starts[i])));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

double Jaccard(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  if (a.empty() && b.empty()) return 0;
  const double shared = static_cast<double>(Shared(a, b));
  return shared / (static_cast<double>(a.size() + b.size()) - shared);
}

double Containment(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  return a.empty() ? 0 : static_cast<double>(Shared(a, b)) / static_cast<double>(a.size());
}

std::vector<NearPair> NearDuplicates(const std::vector<std::string>& texts, double threshold) {
  std::vector<std::vector<uint64_t>> shingles;
  for (const std::string& text : texts) shingles.push_back(Shingles(text));
  std::vector<std::unordered_map<uint64_t, std::vector<size_t>>> bands(kBands);
  std::set<std::pair<size_t, size_t>> tried;
  std::vector<NearPair> out;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (shingles[i].empty()) continue;
    const Signature signature = MinHash(shingles[i]);
    for (size_t band = 0; band < kBands; ++band) {
      uint64_t key = band;
      for (size_t row = 0; row < kRows; ++row) key = Mix(key ^ signature[band * kRows + row]);
      std::vector<size_t>& bucket = bands[band][key];
      for (size_t other : bucket) {
        if (!tried.emplace(other, i).second) continue;
        const double similarity = Jaccard(shingles[other], shingles[i]);
        if (similarity >= threshold) out.push_back({other, i, similarity});
      }
      bucket.push_back(i);
    }
  }
  std::sort(out.begin(), out.end(), [](const NearPair& a, const NearPair& b) {
    return std::pair(a.first, a.second) < std::pair(b.first, b.second);
  });
  return out;
}

namespace {

// Calls visit(training index, held-out index, share of the held-out text's shingles found) for every overlap.
template <class Visit>
void EachOverlap(const std::vector<std::string>& held_out, const std::vector<std::string>& training, Visit visit) {
  std::vector<size_t> sizes;
  std::unordered_map<uint64_t, std::vector<size_t>> holders;  // shingle → held-out texts with it
  for (size_t i = 0; i < held_out.size(); ++i) {
    const std::vector<uint64_t> shingles = Shingles(held_out[i]);
    sizes.push_back(shingles.size());
    for (uint64_t shingle : shingles) holders[shingle].push_back(i);
  }
  for (size_t t = 0; t < training.size(); ++t) {
    std::unordered_map<size_t, size_t> hits;
    for (uint64_t shingle : Shingles(training[t])) {
      if (const auto found = holders.find(shingle); found != holders.end()) {
        for (size_t i : found->second) ++hits[i];
      }
    }
    for (const auto& [i, count] : hits) visit(t, i, static_cast<double>(count) / static_cast<double>(sizes[i]));
  }
}

}  // namespace

std::vector<Contaminated> FindContamination(const std::vector<std::string>& held_out,
                                            const std::vector<std::string>& training, double threshold) {
  std::vector<Contaminated> best(held_out.size(), {0, 0, 0});
  EachOverlap(held_out, training, [&](size_t t, size_t i, double share) {
    if (share > best[i].containment) best[i] = {i, t, share};
  });
  std::vector<Contaminated> out;
  for (const Contaminated& one : best) {
    if (one.containment >= threshold) out.push_back(one);
  }
  return out;
}

std::vector<bool> ContaminatedRows(const std::vector<std::string>& held_out, const std::vector<std::string>& training,
                                   double threshold) {
  std::vector<bool> out(training.size());
  EachOverlap(held_out, training, [&](size_t t, size_t, double share) { out[t] = out[t] || share >= threshold; });
  return out;
}

std::string RowPrompt(const json::object& row) {
  std::string out;
  for (std::string_view key : {"prompt", "messages", "question", "goal", "text"}) {
    if (const json::value* value = row.if_contains(key)) AppendTurns(*value, true, out);
    if (!out.empty()) break;
  }
  return out;
}

std::string RowText(const json::object& row) {
  std::string out;
  for (std::string_view key : {"prompt", "messages", "question", "goal", "text", "chosen", "rejected", "completion",
                               "output", "response", "violates", "allows"}) {
    if (const json::value* value = row.if_contains(key)) AppendTurns(*value, false, out);
  }
  return out;
}

}  // namespace plumb::data
