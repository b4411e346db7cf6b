#include "measure/eval/tries.h"

#include <algorithm>
#include <map>

#include "base/stats/stats.h"
#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

struct Tried {
  std::vector<stats::Tally> tasks;
  int64_t fewest = 0;
  int64_t incomplete = 0;
};

Tried TriedOf(const std::vector<Sample>& samples) {
  std::map<std::string, std::pair<stats::Tally, bool>> by_case;
  for (const Sample& sample : samples) {
    const json::string* of = FindString(sample.about, "of");
    if (!of) continue;
    auto& [tally, incomplete] = by_case[std::string(*of)];
    ++tally.n;
    tally.k += sample.passed;
    incomplete = incomplete || sample.status != SampleStatus::kOk || Undecided(sample);
  }
  Tried out;
  for (const auto& [id, one] : by_case) {
    out.incomplete += one.second;
    if (one.second) continue;
    out.fewest = out.tasks.empty() ? one.first.n : std::min(out.fewest, one.first.n);
    out.tasks.push_back(one.first);
  }
  return out;
}

}  // namespace

data::Suite Repeated(const data::Suite& suite, int64_t tries) {
  if (tries <= 1) return suite;
  data::Suite out = suite;
  out.cases.clear();
  for (const data::Case& one : suite.cases) {
    for (int64_t i = 1; i <= tries; ++i) {
      data::Case copy = one;
      copy.id += fmt::format("/try-{}", i);
      copy.about["of"] = one.id;
      copy.about["try"] = i;
      out.cases.push_back(std::move(copy));
    }
  }
  return out;
}

uint64_t SeedOf(const data::Case& one) {
  const json::value* number = one.about.if_contains("try");
  return number && number->is_int64() ? static_cast<uint64_t>(number->as_int64()) - 1 : 0;
}

json::array TriesJson(const std::vector<Sample>& samples) {
  const Tried tried = TriedOf(samples);
  json::array out;
  for (int64_t k : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}) {
    if (k > tried.fewest) break;
    const stats::Interval rate = stats::MeanPassAtK(tried.tasks, k);
    out.push_back(json::object{{"k", k}, {"estimate", rate.estimate}, {"low", rate.low}, {"high", rate.high}, {"cases", tried.tasks.size()}, {"incomplete", tried.incomplete}});
  }
  return out;
}

std::string TriesTable(const std::vector<Sample>& samples) {
  const json::array tries = TriesJson(samples);
  if (tries.empty()) return "";
  Table table({"", "one of k passes", "95 % interval", "cases"});
  for (const json::value& one : tries) {
    const json::object& row = one.as_object();
    const auto percent = [&](const char* key) { return 100 * row.at(key).to_number<double>(); };
    table.Row({fmt::format("pass@{}", row.at("k").as_int64()), fmt::format("{:.1f} %", percent("estimate")), fmt::format("{:.1f} … {:.1f}", percent("low"), percent("high")),
               fmt::format("{}", row.at("cases").to_number<int64_t>())});
  }
  const int64_t incomplete = tries.front().as_object().at("incomplete").as_int64();
  return "\n" + table.Text() + (incomplete ? fmt::format("{} cases have a try that failed, did not run or was not judged, and are left out.\n", incomplete) : "");
}

}  // namespace plumb::eval
