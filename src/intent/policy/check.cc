#include "intent/policy/check.h"

#include <map>

#include "intent/policy/check_parts.h"
#include "intent/policy/shape.h"

namespace plumb::policy {
namespace {

void CheckComplete(const Node& policy, Problems& problems) {
  for (const json::value& key : Schema().at("then").at("required").as_array())
    if (!policy.Find(key.as_string()))
      AddProblem(problems, policy.place, "the policy needs '{}': {}", std::string_view(key.as_string()),
                 key == "principles" ? "what the system holds to, as {id, text}" :
                 key == "categories" ? "what it must not do, as {id, about, on}" :
                 std::string_view(TopLevelSchema(key.as_string())->at("description").as_string()));
  if (const Node* categories = policy.Find("categories"); categories && categories->kind == Node::kList && categories->items.empty())
    AddProblem(problems, categories->place, "'categories' is empty; a policy says at least one thing that is not wanted");
  for (const Node& principle : Items(policy, "principles"))
    if (!principle.Find("text"))
      AddProblem(problems, principle.place, "the principle '{}' needs 'text'", principle.TextOf("id"));
  for (const Node& category : Items(policy, "categories")) {
    if (!category.Find("about"))
      AddProblem(problems, category.place, "the category '{}' needs 'about': what it is, in a sentence", category.TextOf("id"));
    const Node* on = category.Find("on");
    if (!on || (on->kind == Node::kMap && on->entries.empty()))
      AddProblem(problems, on ? on->place : category.place,
                 "the category '{}' needs 'on': what is done, such as {{input: refuse, output: block}}", category.TextOf("id"));
  }
}

void CheckUnique(const Node& policy, std::string_view list, Problems& problems) {
  std::map<std::string, Place> seen;
  for (const Node& item : Items(policy, list)) {
    const std::string id(item.TextOf("id"));
    const auto [first, fresh] = seen.emplace(id, PlaceOf(item, "id"));
    if (!fresh)
      AddProblem(problems, PlaceOf(item, "id"), "the id '{}' stands twice in '{}', first at {}; ids are unique", id, list,
                 first->second.Text());
  }
}

void CheckIds(const Node& policy, Problems& problems) {
  CheckUnique(policy, "principles", problems);
  CheckUnique(policy, "categories", problems);
  CheckUnique(policy, "obligations", problems);
  for (const Node& category : Items(policy, "categories"))
    for (std::string_view reserved : {"scope", "tone", "principle", "ordinary"})
      if (category.TextOf("id") == reserved)
        AddProblem(problems, PlaceOf(category, "id"), "'{}' is a clause of its own; give the category another id", reserved);
}

// One text is one example of a clause, on one side.
class ExampleBook {
 public:
  explicit ExampleBook(Problems& problems) : problems_(problems) {}
  void Add(std::string_view clause, std::string_view text, bool violates, const Place& place) {
    const std::string key = fmt::format("{}\n{}", clause, Lower(Trim(text)));
    const auto [first, fresh] = seen_.emplace(key, Seen{violates, place});
    if (fresh) return;
    const Seen& other = first->second;
    if (other.violates != violates) {
      AddProblem(problems_, place, "this example of '{}' both violates and is allowed (the other at {}); keep the one that is right", clause,
                 other.place.Text());
    } else {
      AddProblem(problems_, place, "this example of '{}' stands twice, first at {}; keep one", clause, other.place.Text());
    }
  }

 private:
  struct Seen {
    bool violates;
    Place place;
  };
  Problems& problems_;
  std::map<std::string, Seen> seen_;
};

void CheckExamples(const Node& policy, const std::vector<ExampleRow>& rows, Problems& problems) {
  ExampleBook book(problems);
  for (const Node& category : Items(policy, "categories"))
    for (std::string_view side : {"violates", "allows"})
      for (const Node& text : Items(category, side)) book.Add(category.TextOf("id"), text.text, side == "violates", text.place);
  if (const Node* scope = policy.Find("scope"))
    for (std::string_view side : {"out", "in"})
      for (const Node& text : Items(*scope, side)) book.Add("scope", text.text, side == "out", text.place);
  std::vector<std::string> clauses = AllClauses(policy);
  clauses.emplace_back(kOrdinary);
  for (const ExampleRow& row : rows) {
    const std::string_view clause = row.Text("clause");
    if (!Contains(clauses, clause)) {
      AddProblem(problems, row.place, "no clause is called '{}'{}", clause, Known(clause, clauses));
      continue;
    }
    if (clause == kOrdinary && row.violates())
      AddProblem(problems, row.place, "an ordinary prompt violates nothing; write 'allows', or the clause it violates");
    book.Add(clause, row.text(), row.violates(), row.place);
  }
}

}  // namespace

void CheckMeaning(const Node& policy, const std::vector<ExampleRow>& rows, Problems& problems) {
  CheckComplete(policy, problems);
  CheckIds(policy, problems);
  CheckReferences(policy, problems);
  CheckActions(policy, problems);
  CheckRoutes(policy, problems);
  CheckRules(policy, problems);
  CheckExamples(policy, rows, problems);
}

}  // namespace plumb::policy
