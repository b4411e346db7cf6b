#include "intent/policy/check_parts.h"

namespace plumb::policy {
namespace {

// Whether every text that fits `later` fits `earlier`; '*' stands for any text. A '*' of `later` can only be matched by
// one of `earlier`, so matching its letters is enough.
bool CoversAlso(std::string_view earlier, std::string_view later) {
  size_t i = 0, j = 0, star = std::string_view::npos, mark = 0;
  while (j < later.size()) {
    if (i < earlier.size() && earlier[i] == '*') {
      star = i++;
      mark = j;
    } else if (i < earlier.size() && earlier[i] == later[j]) {
      ++i, ++j;
    } else if (star != std::string_view::npos) {
      i = star + 1;
      j = ++mark;
    } else {
      return false;
    }
  }
  while (i < earlier.size() && earlier[i] == '*') ++i;
  return i == earlier.size();
}

bool RouteCovers(const Node& earlier, const Node& later) {
  for (const Entry& entry : earlier.entries) {
    const Node* other = later.Find(entry.key);
    if (!other ? entry.value.text != "*" : !CoversAlso(entry.value.text, other->text)) return false;
  }
  return true;
}

void CheckRoute(const Node& route, Problems& problems) {
  const Node* review = route.Find("review");
  const bool held = review && review->TextOf("before_release") == "true";
  if (held && route.TextOf("mode") == "observe")
    AddProblem(problems, PlaceOf(*review, "before_release"), "'before_release' holds answers back, and 'mode: observe' holds nothing back; keep one");
  if (route.TextOf("mode") == "pass") {
    for (const char* key : {"review", "shadow", "split", "prompt"})
      if (route.Find(key)) AddProblem(problems, PlaceOf(route, key), "'mode: pass' passes requests on as they are: '{}' could do nothing; leave one of them out", key);
    if (route.TextOf("stakes") == "high") AddProblem(problems, PlaceOf(route, "stakes"), "'mode: pass' judges and records nothing, which high stakes do not allow");
    if (!route.TextOf("log").empty() && route.TextOf("log") != "none")
      AddProblem(problems, PlaceOf(route, "log"), "'mode: pass' records nothing; this says 'log: {}'", route.TextOf("log"));
  }
  if (route.TextOf("log") == "none" && review)
    AddProblem(problems, PlaceOf(route, "log"), "'log: none' leaves nothing to review; log full or hashed, or leave 'review' out");
  if (route.TextOf("stakes") == "high" && !route.TextOf("log").empty() && route.TextOf("log") != "full")
    AddProblem(problems, PlaceOf(route, "log"), "high stakes are logged in full; this says 'log: {}'", route.TextOf("log"));
}

}  // namespace

void CheckRoutes(const Node& policy, Problems& problems) {
  const std::vector<Node>& routes = Items(policy, "routes");
  for (size_t i = 0; i < routes.size(); ++i) {
    CheckRoute(routes[i], problems);
    for (size_t j = 0; j < i; ++j) {
      if (!RouteCovers(*routes[j].Find("match"), *routes[i].Find("match"))) continue;
      AddProblem(problems, routes[i].place, "this route is never reached: the one at {} takes all its traffic; put this one first",
                 routes[j].place.Text());
      break;
    }
  }
}

}  // namespace plumb::policy
