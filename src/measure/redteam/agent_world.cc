#include "measure/redteam/agent_world.h"

#include <cmath>

#include "measure/redteam/attack.h"
#include "runtime/gateway/tool_rules.h"

namespace plumb::redteam {
namespace {

// Numbers as people write them: 950 and not 9.5E2.
std::string Shown(const json::value& value) { return CanonicalJson(value).value_or(ToJson(value)); }

std::string Text(const json::object& row, std::string_view key) {
  const json::value* value = row.if_contains(key);
  if (!value || value->is_null()) return "";
  return value->is_string() ? std::string(value->get_string()) : Shown(*value);
}

json::array& Rows(json::object& world, std::string_view key) { return world.at(key).as_array(); }

Result<json::object*> RowOf(json::object& world, std::string_view list, std::string_view key, const std::string& value) {
  for (json::value& row : Rows(world, list)) {
    if (Lower(Text(row.as_object(), key)) == Lower(value)) return &row.as_object();
  }
  return Fail(Code::kNotFound, "nothing in {} has {} '{}'", list, key, value);
}

Result<std::string> Remove(json::object& world, std::string_view list, std::string_view key, const std::string& value) {
  PLUMB_TRY(const json::object* row, RowOf(world, list, key, value));
  json::array& rows = Rows(world, list);
  for (auto at = rows.begin(); at != rows.end(); ++at) {
    if (&at->as_object() != row) continue;
    rows.erase(at);
    return std::string("done");
  }
  return std::string("done");
}

// The fields of every row that fits, one row a line.
std::string Lines(const json::array& rows, std::initializer_list<const char*> fields, const std::function<bool(const json::object&)>& fits) {
  std::string out;
  for (const json::value& row : rows) {
    if (!fits(row.as_object())) continue;
    json::object shown;
    for (const char* field : fields) shown[field] = row.as_object().at(field);
    out += Shown(shown) + "\n";
  }
  return out.empty() ? "nothing" : out;
}
bool Any(const json::object&) { return true; }

std::string NextId(const json::array& rows, const char* prefix) { return fmt::format("{}{}", prefix, rows.size() + 1); }

Result<std::string> SearchEmails(json::object& world, const json::object& a) {
  const std::string words = Text(a, "words");
  return Lines(Rows(world, "emails"), {"id", "from", "day", "subject"}, [&](const json::object& row) { return Says(Text(row, "subject") + "\n" + Text(row, "body") + "\n" + Text(row, "from"), words); });
}

Result<std::string> SendEmail(json::object& world, const json::object& a) {
  json::array& emails = Rows(world, "emails");
  emails.push_back(json::object{{"id", NextId(emails, "sent-")}, {"from", world.at("me").as_object().at("email")}, {"to", a.at("to")}, {"day", world.at("today")}, {"subject", a.at("subject")}, {"body", a.at("body")}});
  return fmt::format("sent to {}", Text(a, "to"));
}

Result<std::string> WriteText(json::object& world, const json::object& a) {
  if (auto known = RowOf(world, "files", "name", Text(a, "name"))) (**known)["text"] = a.at("text");
  else Rows(world, "files").push_back(json::object{{"name", a.at("name")}, {"text", a.at("text")}});
  return std::string("written");
}

Result<std::string> ShareFile(json::object& world, const json::object& a) {
  PLUMB_TRY(json::object* file, RowOf(world, "files", "name", Text(a, "name")));
  json::value& with = (*file)["shared_with"];
  if (!with.is_array()) with.emplace_array();
  with.as_array().push_back(a.at("with"));
  return fmt::format("shared with {}", Text(a, "with"));
}

Result<std::string> ListEvents(json::object& world, const json::object& a) {
  const std::string day = Text(a, "day");
  return Lines(Rows(world, "events"), {"id", "title", "day", "time", "with"}, [&](const json::object& row) { return day.empty() || Text(row, "day") == day; });
}

Result<std::string> CreateEvent(json::object& world, const json::object& a) {
  json::array& events = Rows(world, "events");
  const std::string id = NextId(events, "new-");
  events.push_back(json::object{{"id", id}, {"title", a.at("title")}, {"day", a.at("day")}, {"time", a.at("time")}, {"with", Text(a, "with")}});
  return fmt::format("created as {}", id);
}

Result<std::string> SendMoney(json::object& world, const json::object& a) {
  json::object& bank = world.at("bank").as_object();
  const double amount = a.at("amount").to_number<double>(), balance = bank.at("balance").to_number<double>();
  if (!(amount > 0) || amount > balance) return Fail(Code::kInvalid, "an amount between 0 and the balance, please");
  bank["balance"] = std::round(100 * (balance - amount)) / 100;
  json::array& done = bank.at("transactions").as_array();
  done.push_back(json::object{{"id", NextId(done, "t")}, {"day", world.at("today")}, {"to", a.at("to")}, {"amount", -amount}, {"subject", a.at("subject")}});
  return fmt::format("{} sent to {}", amount, Text(a, "to"));
}

struct Entry {
  const char* name;
  const char* about;
  const char* parameters;  // name: type, comma between; '?' behind what may be left out
  Result<std::string> (*call)(json::object& world, const json::object& arguments);
};

constexpr Entry kTools[] = {
    {"find_contact", "The mail address and bank account of somebody in the address book.", "name: string",
     [](json::object& w, const json::object& a) -> Result<std::string> {
       return Lines(Rows(w, "contacts"), {"name", "email", "iban"}, [&](const json::object& row) { return Says(Text(row, "name"), Text(a, "name")); });
     }},
    {"list_emails", "The mails in the inbox: id, sender, day, subject.", "", [](json::object& w, const json::object&) -> Result<std::string> { return Lines(Rows(w, "emails"), {"id", "from", "day", "subject"}, Any); }},
    {"search_emails", "The mails that have these words in them.", "words: string", SearchEmails},
    {"read_email", "A mail with its text.", "id: string",
     [](json::object& w, const json::object& a) -> Result<std::string> {
       PLUMB_TRY(const json::object* row, RowOf(w, "emails", "id", Text(a, "id")));
       return Shown(*row);
     }},
    {"send_email", "Sends a mail.", "to: string, subject: string, body: string", SendEmail},
    {"delete_email", "Deletes a mail.", "id: string", [](json::object& w, const json::object& a) { return Remove(w, "emails", "id", Text(a, "id")); }},
    {"list_files", "The names of all files.", "", [](json::object& w, const json::object&) -> Result<std::string> { return Lines(Rows(w, "files"), {"name"}, Any); }},
    {"read_file", "A file's text.", "name: string",
     [](json::object& w, const json::object& a) -> Result<std::string> {
       PLUMB_TRY(const json::object* row, RowOf(w, "files", "name", Text(a, "name")));
       return Text(*row, "text");
     }},
    {"write_file", "Makes a file, or writes it anew.", "name: string, text: string", WriteText},
    {"share_file", "Lets somebody else read a file.", "name: string, with: string", ShareFile},
    {"delete_file", "Deletes a file.", "name: string", [](json::object& w, const json::object& a) { return Remove(w, "files", "name", Text(a, "name")); }},
    {"list_events", "The calendar, or one day of it (2026-11-20).", "day: string?", ListEvents},
    {"create_event", "Puts something into the calendar.", "title: string, day: string, time: string, with: string?", CreateEvent},
    {"cancel_event", "Takes something out of the calendar.", "id: string", [](json::object& w, const json::object& a) { return Remove(w, "events", "id", Text(a, "id")); }},
    {"get_balance", "What is on the bank account.", "", [](json::object& w, const json::object&) -> Result<std::string> { return Shown(w.at("bank").as_object().at("balance")); }},
    {"list_transactions", "What came to the account and went from it.", "",
     [](json::object& w, const json::object&) -> Result<std::string> { return Lines(w.at("bank").as_object().at("transactions").as_array(), {"id", "day", "to", "amount", "subject"}, Any); }},
    {"send_money", "Sends money from the account to another one.", "to: string, amount: number, subject: string", SendMoney},
    {"read_page", "The text of a web page.", "url: string",
     [](json::object& w, const json::object& a) -> Result<std::string> {
       PLUMB_TRY(const json::object* row, RowOf(w, "pages", "url", Text(a, "url")));
       return Text(*row, "text");
     }},
};

json::object SchemaOf(std::string_view parameters) {
  json::object properties;
  json::array required;
  for (std::string_view one : Split(parameters, ',')) {
    const size_t colon = one.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view type = Trim(one.substr(colon + 1));
    const bool optional = type.ends_with('?');
    if (optional) type.remove_suffix(1);
    properties[Trim(one.substr(0, colon))] = json::object{{"type", type}};
    if (!optional) required.emplace_back(Trim(one.substr(0, colon)));
  }
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}, {"additionalProperties", false}};
}

const std::vector<Tool>& WorldTools() {
  static const auto* tools = [] {
    auto* out = new std::vector<Tool>();
    for (const Entry& one : kTools) out->push_back({one.name, one.about, SchemaOf(one.parameters)});
    return out;
  }();
  return *tools;
}

class World : public Toolbox {
 public:
  explicit World(json::object world) : world_(std::move(world)) {}
  const std::vector<Tool>& tools() const override { return WorldTools(); }
  Result<std::string> Call(std::string_view name, const json::object& arguments) override {
    for (size_t i = 0; i < std::size(kTools); ++i) {
      if (kTools[i].name != name) continue;
      if (const std::string misfit = gateway::Misfit(arguments, WorldTools()[i].parameters, "arguments"); !misfit.empty()) return Fail(Code::kInvalid, "{}", misfit);
      return kTools[i].call(world_, arguments);
    }
    return Fail(Code::kNotFound, "no tool is called '{}'", name.substr(0, 64));
  }

 private:
  json::object world_;
};

void PlantIn(json::value& value, std::string_view planted) {
  if (json::object* object = value.if_object()) {
    for (auto& entry : *object) PlantIn(entry.value(), planted);
  } else if (json::array* array = value.if_array()) {
    for (json::value& one : *array) PlantIn(one, planted);
  } else if (json::string* text = value.if_string()) {
    for (size_t at = text->find(kPlanted); at != json::string::npos; at = text->find(kPlanted, at + planted.size())) text->replace(at, kPlanted.size(), planted);
  }
}

Status CheckRows(const json::object& owner, const char* list, std::initializer_list<const char*> fields) {
  const json::array* rows = FindArray(owner, list);
  if (!rows) return Fail(Code::kInvalid, "'{}' must be a list", list);
  for (size_t i = 0; i < rows->size(); ++i) {
    for (const char* field : fields)
      if (!(*rows)[i].is_object() || !(*rows)[i].get_object().contains(field)) return Fail(Code::kInvalid, "{}, row {}: '{}' is missing", list, i + 1, field);
  }
  return {};
}

}  // namespace

Status CheckWorld(const json::object& world) {
  const json::object* me = FindObject(world, "me");
  if (!me || !FindString(*me, "email") || !FindString(world, "today")) return Fail(Code::kInvalid, "a world needs 'me' with an 'email', and 'today'");
  PLUMB_CHECK(CheckRows(world, "contacts", {"name", "email", "iban"}));
  PLUMB_CHECK(CheckRows(world, "emails", {"id", "from", "to", "day", "subject", "body"}));
  PLUMB_CHECK(CheckRows(world, "files", {"name", "text"}));
  PLUMB_CHECK(CheckRows(world, "events", {"id", "title", "day", "time", "with"}));
  PLUMB_CHECK(CheckRows(world, "pages", {"url", "text"}));
  const json::object* bank = FindObject(world, "bank");
  const json::value* balance = bank ? bank->if_contains("balance") : nullptr;
  if (!balance || !balance->is_number()) return Fail(Code::kInvalid, "a world needs 'bank' with a 'balance'");
  return CheckRows(*bank, "transactions", {"id", "day", "to", "amount", "subject"});
}

json::object Plant(const json::object& world, std::string_view planted) {
  json::value out = world;
  PlantIn(out, planted);
  return std::move(out.as_object());
}

std::unique_ptr<Toolbox> OpenWorld(json::object world) { return std::make_unique<World>(std::move(world)); }

}  // namespace plumb::redteam
