// plumb data import|expand|curate|split|check
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/verbs.h"
#include "intent/data/data.h"

namespace plumb::cli {
namespace {

struct DataArguments {
  bool zero_shot = false;
  std::string data, outputs, format, file, out = "-", expect, prefix, parts = "train=0.8,test=0.2", by, salt;
  std::vector<std::string> files, against;
  double threshold = 0.7, contamination = 0.5;
  int64_t longest = 20000;
};

// To a file, or with "-" to standard output.
Status WriteRows(const std::string& out, const std::vector<json::object>& rows) {
  if (out != "-") return WriteJsonl(out, rows);
  for (const json::object& row : rows) std::puts(ToJson(row).c_str());
  return {};
}

// A folder becomes a suite; anything else is a JSONL file.
Status WriteCases(const std::string& out, const std::vector<json::object>& rows) {
  return out != "-" && fs::path(out).extension().empty() ? data::WriteSuite(out, rows) : WriteRows(out, rows);
}

void Say(const json::object& report, const Globals& globals, bool rows_on_stdout) {
  const std::string text = globals.json ? ToJson(report) : ToPrettyJson(report);
  fmt::print(rows_on_stdout ? stderr : stdout, "{}\n", text);
}

std::vector<std::string> TextsOf(const std::vector<json::object>& rows, std::string (*text)(const json::object&)) {
  std::vector<std::string> out;
  for (const json::object& row : rows) out.push_back(text(row));
  return out;
}

// The rows of a suite folder or a JSONL file.
Result<std::vector<json::object>> RowsOf(const std::string& path) {
  std::error_code ignored;
  return ReadJsonl(fs::is_directory(path, ignored) ? fs::path(path) / "cases.jsonl" : fs::path(path));
}

Result<std::vector<json::object>> RowsOfAll(const std::vector<std::string>& paths) {
  std::vector<json::object> all;
  for (const std::string& path : paths) {
    PLUMB_TRY(const std::vector<json::object> rows, RowsOf(path));
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

// What was answered when the file was written goes into a file of its own, for replay:FILE; a suite holds what is asked.
Result<size_t> TakeRecorded(std::vector<json::object>& rows, const std::string& file) {
  std::vector<json::object> outputs;
  for (json::object& row : rows) {
    const json::value* recorded = row.if_contains(data::kRecorded);
    if (!recorded) continue;
    outputs.push_back({{"id", row.at("id")}, {"output", *recorded}});
    row.erase(data::kRecorded);
  }
  if (!file.empty()) PLUMB_CHECK(WriteJsonl(file, outputs));
  return outputs.size();
}

Status ImportVerb(const DataArguments& arguments, Globals& globals) {
  PLUMB_TRY(const std::string bytes, ReadFile(arguments.file));
  std::string format = arguments.format;
  if (format.empty()) {
    const auto found = data::DetectFormat(arguments.file, bytes);
    if (!found) return FailAt(arguments.file, Code::kInvalid, "the format is not recognised; give --format");
    format = *found;
  }
  if (!arguments.expect.empty()) PLUMB_CHECK(data::ParseExpect(arguments.expect));
  PLUMB_TRY(auto rows, data::Import(format, bytes, arguments.file, {.expect = arguments.expect, .prefix = arguments.prefix, .data = arguments.data, .zero_shot = arguments.zero_shot}));
  PLUMB_TRY(const size_t recorded, TakeRecorded(rows, arguments.outputs));
  PLUMB_CHECK(WriteCases(arguments.out, rows));
  json::object said{{"format", format}, {"cases", rows.size()}, {"out", arguments.out}};
  if (!arguments.outputs.empty()) said["outputs"] = recorded;
  Say(said, globals, arguments.out == "-");
  return {};
}

// Drops empty, overlong and repeated rows, near-copies, and what is in the held-out sets.
Status CurateVerb(const DataArguments& arguments, Globals& globals) {
  PLUMB_TRY(const std::vector<json::object> rows, RowsOfAll(arguments.files));
  PLUMB_TRY(const std::vector<json::object> held_out, RowsOfAll(arguments.against));
  std::vector<bool> drop(rows.size());
  int64_t empty = 0, overlong = 0, copies = 0, contaminated = 0;
  const std::vector<std::string> texts = TextsOf(rows, data::RowText);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (Trim(texts[i]).empty()) drop[i] = ++empty;
    else if (static_cast<int64_t>(texts[i].size()) > arguments.longest) drop[i] = ++overlong;
  }
  for (const data::NearPair& pair : data::NearDuplicates(texts, arguments.threshold)) {
    if (!drop[pair.first] && !drop[pair.second]) drop[pair.second] = ++copies;
  }
  const std::vector<bool> held = data::ContaminatedRows(TextsOf(held_out, data::RowPrompt), texts, arguments.contamination);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!drop[i] && held[i]) drop[i] = ++contaminated;
  }
  std::vector<json::object> kept;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!drop[i]) kept.push_back(rows[i]);
  }
  PLUMB_CHECK(WriteRows(arguments.out, kept));
  Say({{"rows", rows.size()}, {"kept", kept.size()}, {"empty", empty}, {"overlong", overlong}, {"near_copies", copies},
       {"contaminated", contaminated}}, globals, arguments.out == "-");
  return {};
}

// Templates as cases: into the folder of a suite, or a JSONL file.
Status ExpandVerb(const DataArguments& arguments, Globals& globals) {
  PLUMB_TRY(const std::vector<json::object> rows, ReadJsonl(arguments.file));
  PLUMB_TRY(const std::vector<json::object> cases, data::ExpandVariants(rows, arguments.file));
  PLUMB_CHECK(WriteCases(arguments.out, cases));
  Say({{"rows", rows.size()}, {"cases", cases.size()}, {"out", arguments.out}}, globals, arguments.out == "-");
  return {};
}

Status SplitVerb(const DataArguments& arguments, Globals& globals) {
  PLUMB_TRY(const std::vector<json::object> rows, RowsOf(arguments.file));
  PLUMB_TRY(const std::vector<data::Part> parts, data::ParseParts(arguments.parts));
  std::vector<std::vector<json::object>> out(parts.size());
  for (const json::object& row : rows)
    out[data::PartOf(data::RowGroup(row, arguments.by), parts, arguments.salt)].push_back(row);
  json::object report;
  for (size_t i = 0; i < parts.size(); ++i) {
    PLUMB_CHECK(WriteJsonl(fs::path(arguments.out) / (parts[i].name + ".jsonl"), out[i]));
    report[parts[i].name] = out[i].size();
  }
  Say(report, globals, false);
  return {};
}

// Exits 1 where training data holds held-out prompts or a canary.
Status CheckVerb(const DataArguments& arguments, Globals& globals) {
  PLUMB_TRY(const std::vector<json::object> rows, RowsOfAll(arguments.files));
  PLUMB_TRY(const std::vector<json::object> held_out, RowsOfAll(arguments.against));
  const std::vector<std::string> texts = TextsOf(rows, data::RowText), prompts = TextsOf(held_out, data::RowPrompt);
  json::array found;
  for (const data::Contaminated& one : data::FindContamination(prompts, texts, arguments.contamination)) {
    const json::string* id = FindString(held_out[one.held_out], "id");
    found.push_back(json::object{{"held_out", id ? std::string(*id) : std::to_string(one.held_out + 1)},
                                 {"row", one.training + 1}, {"containment", one.containment}});
  }
  json::array canaries;
  for (const json::object& one : held_out) {
    const json::string* canary = FindString(one, "canary");
    if (!canary || canary->empty()) continue;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (ToJson(rows[i]).find(std::string_view(*canary)) != std::string::npos)
        canaries.push_back(json::object{{"canary", *canary}, {"row", i + 1}});
    }
  }
  const size_t near = data::NearDuplicates(texts, arguments.threshold).size();
  if (!found.empty() || !canaries.empty()) globals.exit_code = 1;
  Say({{"rows", rows.size()}, {"held_out", held_out.size()}, {"near_copies", near}, {"contaminated", std::move(found)},
       {"canaries", std::move(canaries)}}, globals, false);
  return {};
}

}  // namespace

void RegisterData(CLI::App& app, Globals& globals) {
  CLI::App* verb = app.add_subcommand("data", "Bring in, clean, split and check data");
  verb->require_subcommand(1);
  auto arguments = std::make_shared<DataArguments>();
  const auto add = [&](const char* name, const std::string& about, Status (*call)(const DataArguments&, Globals&)) {
    CLI::App* command = verb->add_subcommand(name, about);
    AddGlobals(*command, globals);
    command->callback([arguments, call, &globals] {
      if (Status status = call(*arguments, globals); !status) Report(status.error(), globals);
    });
    return command;
  };
  std::string formats = "A public set's own file as a suite. Formats:";
  for (const data::Format& format : data::Formats()) formats += fmt::format("\n  {}: {}", format.name, format.about);

  CLI::App* import = add("import", formats, ImportVerb);
  import->add_option("FILE", arguments->file, "The set's file")->required();
  import->add_option("--format", arguments->format, "Its format (default: recognised by its columns)");
  import->add_option("--out", arguments->out, "A folder (suite), a .jsonl file, or -")->capture_default_str();
  import->add_option("--expect", arguments->expect, "Instead of what the format says: refuse, comply, …");
  import->add_option("--data", arguments->data, "Of lm-eval-task: the file with the rows, where the task only names a data set");
  import->add_flag("--zero-shot", arguments->zero_shot, "Of lm-eval-task: leave its examples out");
  import->add_option("--outputs", arguments->outputs, "Of logs and reports: write what was answered, for eval run --target replay:FILE");
  import->add_option("--prefix", arguments->prefix, "Of the ids (default: the format's name)");

  CLI::App* expand = add("expand", "Templates with variants (names or groups swapped) as cases; docs/evaluation.md has the form", ExpandVerb);
  expand->add_option("FILE", arguments->file, "Templates, JSONL")->required();
  expand->add_option("--out", arguments->out, "A folder (suite), a .jsonl file, or -")->capture_default_str();

  CLI::App* curate = add("curate", "Drop empty, overlong and repeated rows, near-copies, and held-out prompts", CurateVerb);
  curate->add_option("FILES", arguments->files, "JSONL files or suites")->required();
  curate->add_option("--out", arguments->out, "A .jsonl file, or -")->capture_default_str();
  curate->add_option("--against", arguments->against, "Held-out suites or files");
  curate->add_option("--near", arguments->threshold, "Jaccard similarity that makes a near-copy")->capture_default_str();
  curate->add_option("--contamination", arguments->contamination, "Share of a held-out prompt that may not be found")->capture_default_str();
  curate->add_option("--longest", arguments->longest, "Bytes of text in a row")->capture_default_str();

  CLI::App* split = add("split", "Split by hash of the group, the same on every machine", SplitVerb);
  split->add_option("FILE", arguments->file, "A JSONL file or a suite")->required();
  split->add_option("--out", arguments->out, "The folder for NAME.jsonl")->required();
  split->add_option("--parts", arguments->parts, "NAME=SHARE, …")->capture_default_str();
  split->add_option("--by", arguments->by, "The field that keeps rows together (default: group, else the prompt)");
  split->add_option("--salt", arguments->salt, "For another split of the same data");

  CLI::App* check = add("check", "Near-copies, held-out prompts and canaries in training data; exits 1 where found", CheckVerb);
  check->add_option("FILES", arguments->files, "Training data: JSONL files")->required();
  check->add_option("--against", arguments->against, "Held-out suites or files")->required();
  check->add_option("--near", arguments->threshold, "Jaccard similarity that makes a near-copy")->capture_default_str();
  check->add_option("--contamination", arguments->contamination, "Share of a held-out prompt that must be found")->capture_default_str();
}

}  // namespace plumb::cli
