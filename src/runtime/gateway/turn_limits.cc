// A turn's place in its caller's budgets.
#include "runtime/gateway/access.h"
#include "runtime/gateway/turn.h"

namespace plumb::gateway {
namespace {

// What an answer is taken to hold where the caller sets no bound.
constexpr int64_t kUsualAnswerTokens = 512;

// What has no price counts for nothing in a budget of money: CheckPriced has refused it before.
double Dollars(const std::optional<provider::Picodollars>& cost) {
  return static_cast<double>(cost.value_or(0)) / provider::kPicodollarsPerDollar;
}

// An unknown price is not a price of 0: a budget of money cannot be held against it.
Status CheckPriced(const Turn& turn, const std::vector<Account>& accounts) {
  const bool money = std::ranges::any_of(accounts, [](const Account& account) {
    return std::ranges::any_of(account.limits.budgets, [](const Budget& budget) { return budget.unit == Unit::kMoney; });
  });
  if (!money || turn.force->prices.Find(turn.answerer.target, "")) return {};
  return Fail(Code::kUnsupported, "'{}' has no price under `prices`, and your budget is counted in money", turn.answerer.target);
}

// An image or a sound costs about this much, whatever its bytes.
constexpr int64_t kAttachmentTokens = 1000;

// Four bytes a token is the usual measure of English text.
int64_t TokensIn(const json::value& value) {
  if (const json::string* text = value.if_string()) {
    return text->starts_with("data:") ? kAttachmentTokens : static_cast<int64_t>(text->size()) / 4 + 1;
  }
  int64_t sum = 0;
  if (const json::array* items = value.if_array()) {
    for (const json::value& item : *items) sum += TokensIn(item);
  } else if (const json::object* fields = value.if_object()) {
    for (const auto& [name, field] : *fields) sum += TokensIn(field);
  }
  return sum;
}

// What was really used is settled at the end.
Estimate EstimateOf(const Turn& turn) {
  const provider::ChatRequest& request = turn.call.request;
  int64_t input = 0;
  for (const json::value& message : request.messages) input += TokensIn(message);
  for (const auto& [name, field] : request.extra) input += TokensIn(field);
  const bool written = turn.answers;  // embeddings and counts have none
  const int64_t output = written ? request.max_tokens.value_or(kUsualAnswerTokens) * std::max(1, turn.call.choices) : 0;
  const auto cost = turn.force->prices.Cost(turn.answerer.target, "", {.input_tokens = input, .output_tokens = output});
  return {.tokens = input + output, .cost = Dollars(cost)};
}

void Copy(const net::Headers& from, net::Headers& to) {
  for (const auto& [name, value] : from) to.Set(name, value);
}

}  // namespace

asio::awaitable<std::expected<Admission, Error>> AdmitCaller(Service& service, const InForce& force, const Caller& caller, Estimate estimate,
                                                            net::Headers& headers) {
  if (!service.limits) co_return Admission();
  std::vector<Account> accounts = AccountsOf(force, caller);
  if (accounts.empty()) co_return Admission();
  auto place = co_await service.limits->Admit(std::move(accounts), estimate);
  Copy(place ? place->headers() : place.error().headers, headers);
  if (!place) co_return std::unexpected(std::move(place.error().error));
  co_return std::move(*place);
}

asio::awaitable<bool> Admit(Turn& turn, const Caller& caller) {
  if (!turn.service.limits) co_return true;
  Status fits = CheckPriced(turn, AccountsOf(*turn.force, caller));
  if (fits) {
    const Estimate estimate = EstimateOf(turn);
    auto place = co_await AdmitCaller(turn.service, *turn.force, caller, estimate, turn.out.headers);
    if (place) {
      turn.admission = std::move(*place);
      co_return true;
    }
    fits = std::unexpected(std::move(place).error());
  }
  const json::value body = turn.surface.ErrorBody(fits.error());
  co_await turn.out.SendJson(HttpStatus(fits.error().code), body);
  co_return false;
}

void SettleTurn(Turn& turn) {
  const provider::Usage& usage = turn.exchange.usage;
  turn.admission.Settle(usage.input_tokens + usage.output_tokens, Dollars(turn.exchange.cost));
}

}  // namespace plumb::gateway
