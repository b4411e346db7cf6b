// The keys of a job's configuration: how each is read, shown and explained. Private to this room.
#pragma once

#include <functional>

#include "model/train/settings.h"

namespace plumb::train {

struct SettingKey {
  std::function<Status(const json::value&, TrainSettings&)> read;
  std::function<json::value(const TrainSettings&)> show;
  const char* about = "";
  const char* from = "";  // whose name and default it is
};
using SettingKeys = std::map<std::string, SettingKey>;

SettingKeys KeysOf(Job job);
// Parts of it, for the jobs they are of.
void AddPreferenceKeys(SettingKeys& keys, Job job);  // settings_preferences.cc
void AddOnlineKeys(SettingKeys& keys, Job job);      // settings_online.cc
// The settings before any key is read: TRL's defaults for that job, where it has them.
TrainSettings DefaultsOf(Job job);
const char* ScheduleName(Schedule schedule);

}  // namespace plumb::train
