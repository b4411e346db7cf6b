#include "model/plumb_lm/models.h"

#include <algorithm>

namespace plumb::lm {
namespace {

constexpr size_t kKept = 3;

}  // namespace

Result<std::string> ModelKind(const std::string& name) {
  PLUMB_TRY(ModelName parsed, ParseModelName(name));
  PLUMB_TRY(fs::path path, FindModel(parsed.base));
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return std::string("decoder");
  PLUMB_TRY(json::value config, ReadJson(path / "config.json"));
  if (!config.is_object()) return FailAt((path / "config.json").string(), Code::kInvalid, "is not an object");
  PLUMB_TRY(std::string type, GetStringOr(config.get_object(), "model_type", ""));
  return std::string(type == "bert" ? "encoder" : "decoder");
}

Result<std::unique_ptr<CausalLm>> LoadCausalLm(const std::string& name, const LoadSettings& settings) {
  PLUMB_TRY(ModelName parsed, ParseModelName(name));
  PLUMB_TRY(LoadEstimate estimate, CausalLm::Estimate(parsed.base));
  // The packed copy is as large again in float32, half of it in bfloat16; both are there for a moment.
  if (settings.precision == Precision::kBFloat16) estimate.memory_bytes += estimate.memory_bytes / 2;
  else estimate.memory_bytes *= 2;
  if (settings.say) settings.say(fmt::format("loading {}: {}", name, estimate.Text()));
  PLUMB_TRY(auto model, CausalLm::Load(parsed.base));
  if (!parsed.adapter.empty()) PLUMB_CHECK(AttachAdapter(parsed.adapter, model->Linears(), parsed.scale));
  return model;
}

Result<std::unique_ptr<Decoder>> LoadDecoder(const std::string& name, const LoadSettings& settings) {
  PLUMB_TRY(auto model, LoadCausalLm(name, settings));
  auto decoder = std::make_unique<Decoder>();
  PLUMB_TRY(decoder->tokenizer, Tokenizer::Load(model->path()));
  decoder->chat = ChatTemplate::Of(*decoder->tokenizer);
  PLUMB_TRY(decoder->engine, Engine::Make(*model, settings.precision));
  decoder->generator = std::make_unique<Generator>(*decoder->engine, *decoder->tokenizer, GeneratorOptions{.slots = settings.slots});
  return decoder;
}

Models::Entry& Models::Find(const std::string& name) {
  const std::string& wanted = name.empty() ? standard_ : name;
  auto found = std::ranges::find(entries_, wanted, &Entry::name);
  if (found == entries_.end()) found = entries_.insert(entries_.begin(), Entry{wanted});
  else entries_.splice(entries_.begin(), entries_, found);
  return entries_.front();
}

// Forgets the least recently used beyond kKept, but for those at work and the standard model.
void Models::Drop(const Entry& keep) {
  for (auto entry = entries_.end(); entries_.size() > kKept && entry != entries_.begin();) {
    --entry;
    if (&*entry == &keep || entry->busy() || entry->name == standard_) continue;
    entry = entries_.erase(entry);
  }
}

Result<Decoder*> Models::GetDecoder(const std::string& name) {
  Entry& entry = Find(name);
  if (!entry.decoder) {
    PLUMB_TRY(std::string kind, ModelKind(entry.name));
    if (kind != "decoder") return Fail(Code::kInvalid, "model '{}' is an encoder: it cannot generate", entry.name);
    PLUMB_TRY(entry.decoder, LoadDecoder(entry.name, settings_));
    Drop(entry);
  }
  return entry.decoder.get();
}

Result<Classifier*> Models::GetClassifier(const std::string& name) {
  Entry& entry = Find(name);
  if (!entry.classifier) {
    if (settings_.say) settings_.say(fmt::format("loading {}", entry.name));
    PLUMB_TRY(entry.classifier, Classifier::Load(entry.name, settings_.precision));
    Drop(entry);
  }
  return entry.classifier.get();
}

Result<Embedder*> Models::GetEmbedder(const std::string& name) {
  Entry& entry = Find(name);
  if (!entry.embedder) {
    if (settings_.say) settings_.say(fmt::format("loading {}", entry.name));
    PLUMB_TRY(entry.embedder, Embedder::Load(entry.name, settings_.precision));
    Drop(entry);
  }
  return entry.embedder.get();
}

bool Models::Step() {
  bool more = false;
  for (Entry& entry : entries_)
    if (entry.busy()) more |= entry.decoder->generator->Step();
  return more;
}

}  // namespace plumb::lm
