// The regression's inputs, read off the heads of both tiers. Private to this room.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/guard/joining.h"
#include "runtime/guard/linear.h"
#include "runtime/guard/reading.h"
#include "runtime/guard/train.h"

namespace plumb::guard {

struct Heads {
  std::vector<float> linear, encoder;  // log-odds
  double refusal = 0;                  // RefusalLogit, of answers
};
// Of each row. Error: the encoder's.
Result<std::vector<Heads>> HeadsOf(const std::vector<const TrainingRow*>& rows, const LinearModel& linear, Classifier* encoder);

std::optional<size_t> HeadNamed(const std::vector<std::string>& heads, std::string_view name);

// The inputs of the plain heads.
class InputReader {
 public:
  InputReader(const policy::Policy& policy, const LinearModel& linear, Classifier* encoder) : policy_(policy) {
    linear_any_ = linear.Head(kUnsafeHead);
    if (encoder) encoder_any_ = HeadNamed(encoder->heads(), kUnsafeHead);
    for (const policy::Category& category : policy.categories) {
      linear_.push_back(linear.Head(category.id));
      encoder_.push_back(encoder ? HeadNamed(encoder->heads(), category.id) : std::nullopt);
    }
  }
  bool Knows(size_t category) const { return linear_[category] || encoder_[category]; }
  Inputs Category(const Heads& heads, size_t c) const {
    Inputs in = Any(heads);
    in.linear_own = linear_[c] ? heads.linear[*linear_[c]] : in.linear_any;
    in.encoder_own = encoder_[c] ? heads.encoder[*encoder_[c]] : in.encoder_any;
    return in;
  }
  Inputs Unsafe(const Heads& heads) const {
    Inputs in = Any(heads);
    bool first = true;
    for (size_t c = 0; c < policy_.categories.size(); ++c) {
      if (!Knows(c)) continue;
      const Inputs one = Category(heads, c);
      in.linear_own = first ? one.linear_own : std::max(in.linear_own, one.linear_own);
      in.encoder_own = first ? one.encoder_own : std::max(in.encoder_own, one.encoder_own);
      first = false;
    }
    return in;
  }

 private:
  Inputs Any(const Heads& heads) const {
    Inputs in;
    if (linear_any_) in.linear_any = in.linear_own = heads.linear[*linear_any_];
    if (encoder_any_ && !heads.encoder.empty()) in.encoder_any = in.encoder_own = heads.encoder[*encoder_any_];
    return in;
  }
  const policy::Policy& policy_;
  std::optional<size_t> linear_any_, encoder_any_;
  std::vector<std::optional<size_t>> linear_, encoder_;
};

// The inputs of a group's clauses: its own heads, and the plain "unsafe" for one that has none of categories.
class GroupReader {
 public:
  GroupReader(const policy::Policy& policy, std::string_view group, const LinearModel& linear, Classifier* encoder) {
    any_ = Places(HeadName(kUnsafeHead, group), linear, encoder);
    plain_ = Places(std::string(kUnsafeHead), linear, encoder);
    for (const policy::Category& category : policy.categories) own_.push_back(Places(HeadName(category.id, group), linear, encoder));
  }
  bool Knows(size_t category) const { return own_[category].linear || own_[category].encoder; }
  // Whether both detectors have a head of the group: nothing is joined where one would have to be silent.
  bool Complete(bool encoder) const {
    bool in_linear = any_.linear.has_value(), in_encoder = any_.encoder.has_value();
    for (const Place& place : own_) {
      in_linear |= place.linear.has_value();
      in_encoder |= place.encoder.has_value();
    }
    return in_linear && (in_encoder || !encoder);
  }
  Inputs Category(const Heads& heads, size_t c) const {
    Inputs in = Any(heads);
    in.linear_own = own_[c].linear ? heads.linear[*own_[c].linear] : in.linear_any;
    in.encoder_own = own_[c].encoder ? heads.encoder[*own_[c].encoder] : in.encoder_any;
    return in;
  }
  Inputs Unsafe(const Heads& heads) const {
    Inputs in = Any(heads);
    in.linear_own = Most(heads.linear, &Place::linear, At(heads.linear, plain_.linear, in.linear_any));
    in.encoder_own = Most(heads.encoder, &Place::encoder, At(heads.encoder, plain_.encoder, in.encoder_any));
    return in;
  }

 private:
  struct Place {
    std::optional<size_t> linear, encoder;
  };
  static Place Places(const std::string& head, const LinearModel& linear, Classifier* encoder) {
    return {linear.Head(head), encoder ? HeadNamed(encoder->heads(), head) : std::nullopt};
  }
  static double At(const std::vector<float>& values, std::optional<size_t> place, double fallback) {
    return place && *place < values.size() ? values[*place] : fallback;
  }
  double Most(const std::vector<float>& values, std::optional<size_t> Place::*which, double fallback) const {
    std::optional<double> most;
    for (const Place& place : own_)
      if (place.*which && *(place.*which) < values.size()) most = std::max<double>(most.value_or(-1e300), values[*(place.*which)]);
    return most.value_or(fallback);
  }
  Inputs Any(const Heads& heads) const {
    Inputs in;
    in.linear_any = any_.linear ? heads.linear[*any_.linear] : Most(heads.linear, &Place::linear, 0);
    in.encoder_any = any_.encoder && !heads.encoder.empty() ? heads.encoder[*any_.encoder] : Most(heads.encoder, &Place::encoder, 0);
    in.refusal = heads.refusal;
    return in;
  }
  Place any_, plain_;
  std::vector<Place> own_;
};

}  // namespace plumb::guard
