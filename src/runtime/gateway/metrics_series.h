// A family of series whose members are found fast and are never too many. Private to this room.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace plumb::gateway {

// prometheus-cpp looks a series up by a map of strings, on every observation; here it is one hash of the joined values.
// Beyond kLimit series every further one is counted under "other" in all labels.
template <class T, class... Args>
class Series {
 public:
  Series(prometheus::Family<T>& family, std::vector<std::string> labels, Args... args)
      : family_(family), labels_(std::move(labels)), args_(std::move(args)...) {}

  T& At(std::initializer_list<std::string_view> values) {
    key_.clear();
    for (const std::string_view value : values) (key_ += value) += '\x1f';
    const auto found = known_.find(key_);
    if (found != known_.end()) return *found->second;
    return Add(values);
  }

 private:
  static constexpr size_t kLimit = 1000;

  T& Add(std::initializer_list<std::string_view> values) {
    prometheus::Labels labels;
    auto name = labels_.begin();
    const bool full = known_.size() >= kLimit;
    for (const std::string_view value : values) labels[*name++] = full ? "other" : std::string(value);
    T& made = std::apply([&](const auto&... args) -> T& { return family_.Add(labels, args...); }, args_);
    if (!full) known_[key_] = &made;
    return made;
  }

  prometheus::Family<T>& family_;
  std::vector<std::string> labels_;
  std::tuple<Args...> args_;
  std::string key_;
  std::unordered_map<std::string, T*> known_;
};

using Counters = Series<prometheus::Counter>;
using Gauges = Series<prometheus::Gauge>;
using Histograms = Series<prometheus::Histogram, prometheus::Histogram::BucketBoundaries>;

}  // namespace plumb::gateway
