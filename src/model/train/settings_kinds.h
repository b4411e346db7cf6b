// How one kind of value is read into TrainSettings and shown: what the tables of keys are made of. Private to this room.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "model/train/settings_keys.h"

namespace plumb::train::keys {

using S = TrainSettings;

// Whose a default is.
inline constexpr char kTrl[] = "TRL", kHf[] = "transformers",
               kPeft[] = "PEFT (rank and alpha as TRL's ModelConfig)", kOurs[] = "Plumbline",
               kTrlPpo[] = "TRL's PPOConfig (removed from TRL in 2026)";

inline Status ReadWhole(const json::value& v, int64_t low, int64_t& to) {
  if (!v.is_int64() || v.get_int64() < low)
    return Fail(Code::kInvalid, "must be a whole number, {} or more", low);
  to = v.get_int64();
  return {};
}
inline Status ReadTexts(const json::value& v, std::vector<std::string>& to) {
  to.clear();
  if (v.is_string()) {
    to.emplace_back(v.get_string());
    return {};
  }
  if (!v.is_array()) return Fail(Code::kInvalid, "must be text or a list of texts");
  for (const auto& item : v.get_array()) {
    if (!item.is_string()) return Fail(Code::kInvalid, "must be text or a list of texts");
    to.emplace_back(item.get_string());
  }
  return {};
}

inline SettingKey Number(double S::* field, double low, double high, const char* from, const char* about) {
  return {[=](const json::value& v, S& s) -> Status {
            const double x = v.is_number() ? v.to_number<double>() : NAN;
            if (!(x >= low && x <= high))
              return high >= 1e18
                         ? Fail(Code::kInvalid, "must be a number, {} or more", low)
                         : Fail(Code::kInvalid, "must be a number from {} to {}", low, high);
            s.*field = x;
            return {};
          },
          [=](const S& s) { return json::value(s.*field); }, about, from};
}
inline constexpr double kNoLimit = 1e18;

inline SettingKey Whole(int64_t S::* field, int64_t low, const char* from, const char* about) {
  return {[=](const json::value& v, S& s) { return ReadWhole(v, low, s.*field); },
          [=](const S& s) { return json::value(s.*field); }, about, from};
}
inline SettingKey Truth(bool S::* field, const char* from, const char* about) {
  return {[=](const json::value& v, S& s) -> Status {
            if (!v.is_bool()) return Fail(Code::kInvalid, "must be true or false");
            s.*field = v.get_bool();
            return {};
          },
          [=](const S& s) { return json::value(s.*field); }, about, from};
}
inline SettingKey Text(std::string S::* field, const char* from, const char* about) {
  return {[=](const json::value& v, S& s) -> Status {
            if (!v.is_string()) return Fail(Code::kInvalid, "must be text");
            s.*field = std::string(v.get_string());
            return {};
          },
          [=](const S& s) { return json::value(json::string(s.*field)); }, about, from};
}
inline SettingKey OneOf(std::string S::* field, std::vector<std::string> choices, const char* from,
                 const char* about) {
  SettingKey key = Text(field, from, about);
  key.read = [=](const json::value& v, S& s) -> Status {
    const std::string name = v.is_string() ? std::string(v.get_string()) : "";
    if (std::ranges::find(choices, name) == choices.end())
      return Fail(Code::kInvalid, "must be {}{}", Join(choices, " or "), DidYouMean(name, choices));
    s.*field = name;
    return {};
  };
  return key;
}
inline SettingKey Texts(std::vector<std::string> S::* field, const char* from, const char* about) {
  return {
      [=](const json::value& v, S& s) { return ReadTexts(v, s.*field); },
      [=](const S& s) { return json::value(json::array((s.*field).begin(), (s.*field).end())); },
      about, from};
}
inline SettingKey Numbers(std::vector<double> S::* field, const char* from, const char* about) {
  return {
      [=](const json::value& v, S& s) -> Status {
        if (!v.is_array()) return Fail(Code::kInvalid, "must be a list of numbers");
        (s.*field).clear();
        for (const auto& item : v.get_array()) {
          if (!item.is_number()) return Fail(Code::kInvalid, "must be a list of numbers");
          (s.*field).push_back(item.to_number<double>());
        }
        return {};
      },
      [=](const S& s) { return json::value(json::array((s.*field).begin(), (s.*field).end())); },
      about, from};
}

}  // namespace plumb::train::keys
