// What an answer costs, by the vendor's own counts and the operator's price list.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/provider/provider.h"

namespace plumb::provider {

// Money in millionths of a millionth of a dollar: every price of up to six decimals per million tokens is exact.
using Picodollars = int64_t;
inline constexpr double kPicodollarsPerDollar = 1e12;

// Per token, which is dollars per million tokens × 1,000,000.
struct Price {
  std::string model;                        // "openai:gpt-5-mini" or "gpt-5-mini"; '*' at its end covers what follows
  Picodollars input = 0, output = 0;
  std::optional<Picodollars> cached_input;  // none: as input
  std::optional<Picodollars> cache_write;   // none: as input
};

// Dollars per million tokens, as price lists have it.
Picodollars PerToken(double dollars_per_million);

class PriceList {
 public:
  explicit PriceList(std::vector<Price> prices = {}) : prices_(std::move(prices)) {}

  // By target ("openai:gpt-5-mini"), by its model, or by the model's full name as the vendor gives it
  // ("gpt-5-mini-2026-08-07"); the most exact entry counts. nullptr: unknown, which is not free.
  const Price* Find(std::string_view target, std::string_view vendor_model) const;
  // nullopt: unknown. An answer from our own cache costs nothing, and a local model has a price only if one is given.
  std::optional<Picodollars> Cost(std::string_view target, const ChatResponse& answer) const;
  std::optional<Picodollars> Cost(std::string_view target, std::string_view vendor_model, const Usage& usage) const;
  bool empty() const { return prices_.empty(); }

 private:
  std::vector<Price> prices_;
};

// "0.00001234"
std::string DollarText(Picodollars amount);

}  // namespace plumb::provider
