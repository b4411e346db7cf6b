#include "intent/policy/node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>

namespace plumb::policy {
namespace {

constexpr size_t kMaxBytes = 8 << 20;
constexpr int kMaxDepth = 32;
constexpr size_t kMaxNodes = 200'000;  // aliases included, so that a small file cannot become a large tree

struct TooLarge {
  Place place;
  const char* what;
};

// Turns yaml-cpp's marks, which count bytes, into lines and columns of characters.
class Places {
 public:
  Places(std::string_view text, std::string_view name)
      : text_(text), file_(std::make_shared<std::string>(name)) {
    starts_.push_back(0);
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') starts_.push_back(i + 1);
  }
  Place At(const YAML::Mark& mark) const {
    if (mark.is_null()) return {file_, 1, 1};
    const size_t line = std::min<size_t>(std::max(mark.line, 0), starts_.size() - 1);
    int column = 1;
    for (int i = 0; i < mark.column && starts_[line] + i < text_.size(); ++i)
      column += (text_[starts_[line] + i] & 0xC0) != 0x80;
    return {file_, static_cast<int>(line) + 1, column};
  }

 private:
  std::string_view text_;
  std::shared_ptr<const std::string> file_;
  std::vector<size_t> starts_;
};

size_t CountNodes(const Node& node) {
  size_t count = 1;
  for (const Node& item : node.items) count += CountNodes(item);
  for (const Entry& entry : node.entries) count += CountNodes(entry.value);
  return count;
}

// Builds the tree from the parser's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Places& places, Problems& problems) : places_(places), problems_(problems) {}

  Node TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Put({.kind = Node::kNull, .place = places_.At(mark)}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    Node copy = found == anchors_.end() ? Node{} : found->second;
    if (found == anchors_.end()) AddProblem(problems_, places_.At(mark), "this alias stands inside its own anchor");
    Grow(CountNodes(copy), mark);
    copy.place = places_.At(mark);
    Put(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    if (!tag.empty() && tag != "?" && tag != "!")
      AddProblem(problems_, places_.At(mark), "the YAML tag {} is not used here; leave it out", tag);
    Put({.kind = Node::kScalar, .quoted = tag == "!", .text = value, .place = places_.At(mark)}, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Push(Node::kList, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Push(Node::kMap, mark, anchor);
  }
  void OnSequenceEnd() override { Pop(); }
  void OnMapEnd() override { Pop(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    bool has_key = false;
    Entry pending;
  };

  void Grow(size_t by, const YAML::Mark& mark) {
    if ((nodes_ += by) > kMaxNodes) throw TooLarge{places_.At(mark), "more than 200,000 values, aliases included"};
  }
  void Push(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= kMaxDepth) throw TooLarge{places_.At(mark), "more than 32 levels deep"};
    Grow(1, mark);
    open_.push_back({.node = {.kind = kind, .place = places_.At(mark)}, .anchor = anchor, .pending = {}});
  }
  void Pop() {
    Open done = std::move(open_.back());
    open_.pop_back();
    Put(std::move(done.node), done.anchor);
  }
  void Put(Node node, YAML::anchor_t anchor) {
    if (anchor) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      PutKey(parent, std::move(node));
    } else {
      parent.has_key = false;
      parent.pending.value = std::move(node);
      if (!parent.pending.key.empty()) parent.node.entries.push_back(std::move(parent.pending));
    }
  }
  void PutKey(Open& parent, Node node) {
    parent.has_key = true;
    parent.pending = {.key = node.text, .place = node.place, .value = {}};
    if (node.kind != Node::kScalar || node.text.empty()) {
      AddProblem(problems_, node.place, "a key must be a plain word");
      parent.pending.key.clear();
    } else if (node.text == "<<") {
      AddProblem(problems_, node.place, "YAML merge keys are not used here; write `extends:` at the top, or repeat the lines");
      parent.pending.key.clear();
    } else if (const Node* twice = parent.node.Find(node.text)) {
      AddProblem(problems_, node.place, "'{}' stands twice in this map, first for the value at {}; keep one", node.text,
                 twice->place.Text());
      parent.pending.key.clear();
    }
  }

  const Places& places_;
  Problems& problems_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  Node root_;
  size_t nodes_ = 0;
};

}  // namespace

std::string Place::Text() const { return fmt::format("{}:{}:{}", file ? *file : "", line, column); }

const Node* Node::Find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}
Node* Node::Find(std::string_view key) { return const_cast<Node*>(std::as_const(*this).Find(key)); }

std::string_view Node::TextOf(std::string_view key) const {
  const Node* child = Find(key);
  return child && child->kind == kScalar ? std::string_view(child->text) : std::string_view();
}

std::optional<Node> ParseYaml(std::string_view text, std::string_view name, Problems& problems) {
  const Places places(text, name);
  const Place top = places.At(YAML::Mark());
  if (text.size() > kMaxBytes || !IsUtf8(text)) {
    AddProblem(problems, top, "{}", text.size() > kMaxBytes ? "larger than 8 MiB: put examples into files of their own" : "not UTF-8 text");
    return std::nullopt;
  }
  TreeBuilder builder(places, problems);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return Node{.place = top};
    Node root = builder.TakeRoot();
    Problems ignored;
    TreeBuilder second(places, ignored);
    if (parser.HandleNextDocument(second))
      AddProblem(problems, second.TakeRoot().place, "a second document begins here; a policy file holds one");
    return root;
  } catch (const TooLarge& large) {
    AddProblem(problems, large.place, "{}", large.what);
  } catch (const YAML::Exception& wrong) {
    AddProblem(problems, places.At(wrong.mark), "not YAML: {}", wrong.msg);
  } catch (const std::exception& wrong) {
    AddProblem(problems, top, "not YAML: {}", wrong.what());
  }
  return std::nullopt;
}

}  // namespace plumb::policy
