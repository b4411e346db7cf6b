#include "cli/redteam_files.h"

#include <algorithm>

#include "cli/starter_files.h"
#include "cli/suite_files.h"

namespace plumb::cli {

Result<std::vector<redteam::Attack>> PlaybookAttacks(const std::string& own) {
  std::vector<redteam::Template> playbook;
  if (const fs::path shipped = ShippedFile("suites/redteam/playbook.jsonl"); !shipped.empty()) {
    PLUMB_TRY(playbook, redteam::LoadPlaybook(shipped));
  }
  if (!own.empty()) {
    PLUMB_TRY(std::vector<redteam::Template> more, redteam::LoadPlaybook(own));
    std::ranges::move(more, std::back_inserter(playbook));
  }
  PLUMB_TRY(auto attacks, redteam::AllAttacks(playbook));
  if (const fs::path measured = ShippedFile("suites/redteam/order.jsonl"); !measured.empty()) PLUMB_CHECK(redteam::ReadPriors(measured, attacks));
  return attacks;
}

Result<std::vector<redteam::Goal>> FindGoals(const std::string& name) {
  std::error_code ignored;
  if (fs::exists(name, ignored)) return redteam::LoadGoals(name);
  PLUMB_TRY(const data::Suite suite, FindSuite(name));
  return redteam::LoadGoals(fs::path(suite.path).parent_path());
}

Result<std::unique_ptr<ledger::Ledger>> ProjectLedger(const Config& config, const Globals& globals) {
  std::error_code ignored;
  if (!fs::exists(globals.config, ignored) && !fs::exists(config.ledger, ignored)) return nullptr;
  return ledger::Ledger::Open(config.ledger, {});
}

}  // namespace plumb::cli
