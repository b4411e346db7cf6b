#include "runtime/provider/cost.h"

#include <algorithm>
#include <cmath>

namespace plumb::provider {
namespace {

// How exactly `pattern` names `name`: its length, a pattern with '*' less than one without; 0: not at all.
size_t Exactness(std::string_view pattern, std::string_view name) {
  if (name.empty()) return 0;
  if (pattern == name) return 2 * pattern.size() + 1;
  if (pattern.ends_with('*') && name.starts_with(pattern.substr(0, pattern.size() - 1))) return 2 * pattern.size();
  return 0;
}

}  // namespace

Picodollars PerToken(double dollars_per_million) { return std::llround(dollars_per_million * 1e6); }

const Price* PriceList::Find(std::string_view target, std::string_view vendor_model) const {
  const Price* best = nullptr;
  size_t exactness = 0;
  const size_t colon = target.find(':');
  const std::string_view model = colon == std::string_view::npos ? target : target.substr(colon + 1);
  for (const Price& price : prices_) {
    const size_t here = std::max({Exactness(price.model, target), Exactness(price.model, model), Exactness(price.model, vendor_model)});
    if (here > exactness) {
      exactness = here;
      best = &price;
    }
  }
  return best;
}

std::optional<Picodollars> PriceList::Cost(std::string_view target, std::string_view vendor_model, const Usage& usage) const {
  const Price* price = Find(target, vendor_model);
  if (!price) return std::nullopt;
  const int64_t plain = usage.input_tokens - usage.cached_input_tokens - usage.cache_creation_input_tokens;
  return std::max<int64_t>(plain, 0) * price->input + usage.cached_input_tokens * price->cached_input.value_or(price->input) +
         usage.cache_creation_input_tokens * price->cache_write.value_or(price->input) + usage.output_tokens * price->output;
}

std::optional<Picodollars> PriceList::Cost(std::string_view target, const ChatResponse& answer) const {
  if (answer.cached) return 0;
  return Cost(answer.target.empty() ? target : std::string_view(answer.target), answer.model, answer.usage);
}

std::string DollarText(Picodollars amount) {
  std::string text = fmt::format("{}.{:012}", amount / 1'000'000'000'000, std::abs(amount % 1'000'000'000'000));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return amount < 0 && amount > -1'000'000'000'000 ? "-" + text : text;
}

}  // namespace plumb::provider
