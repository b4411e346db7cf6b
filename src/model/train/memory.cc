#include "model/train/memory.h"

#include <algorithm>

#include "model/lm/kernels.h"
#include "model/train/random.h"
#include "model/train/sft.h"
#include "model/train/token_trie.h"

namespace plumb::train {
namespace {

constexpr int64_t kProgramBytes = int64_t{170} << 20;  // libtorch's code and data, touched
constexpr int64_t kMostSimulated = 4 << 20;            // tokens of batches that are looked at

int64_t UpTo(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Projections that read one input: their widths, and how many of them have adapters.
struct GroupShape {
  int64_t in, out, adapted;
  std::vector<int64_t> outs;
};

std::vector<GroupShape> Groups(const lm::LmConfig& c, const TrainSettings& s) {
  auto adapted = [&](std::initializer_list<const char*> names) {
    int64_t n = 0;
    for (const char* name : names)
      n += s.lora.target_modules.empty() ||
           std::ranges::find(s.lora.target_modules, name) != s.lora.target_modules.end();
    return s.use_peft ? n : 0;
  };
  const int64_t q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim, f = c.intermediate;
  return {{c.hidden, q + 2 * kv, adapted({"q_proj", "k_proj", "v_proj"}), {q, kv, kv}},
          {q, c.hidden, adapted({"o_proj"}), {c.hidden}},
          {c.hidden, 2 * f, adapted({"gate_proj", "up_proj"}), {f, f}},
          {f, c.hidden, adapted({"down_proj"}), {c.hidden}}};
}

bool PacksAll(const std::vector<GroupShape>& groups, bool bf16) {
  bool all = bf16 && lm::HasAmx();
  for (const GroupShape& g : groups) {
    all = all && g.in % 32 == 0;
    for (int64_t out : g.outs) all = all && out % 32 == 0;
  }
  return all;
}

// Ranks of a group's buffers, rounded up where it is packed (lora_group.cc).
int64_t Ranks(const GroupShape& g, int64_t r, bool packed) {
  return packed ? UpTo(g.adapted * UpTo(r, 16), 32) : g.adapted * r;
}

int64_t AdaptedLayers(const lm::LmConfig& c, const TrainSettings& s) {
  return s.lora.layers_to_transform.empty()
             ? c.layers
             : static_cast<int64_t>(s.lora.layers_to_transform.size());
}

// Layers whose activations the backward pass needs.
int64_t KeptLayers(const lm::LmConfig& c, const TrainSettings& s) {
  return s.lora.layers_to_transform.empty() ? c.layers
                                            : c.layers - std::ranges::min(s.lora.layers_to_transform);
}

void AddWeights(const lm::LmConfig& c, const TrainSettings& s, const std::vector<GroupShape>& groups,
                bool packed, MemoryForecast& m) {
  const int64_t t = s.bf16 ? 2 : 4, vocabulary = c.vocab * c.hidden * (c.tied ? 1 : 2);
  int64_t linear = 0, ranked = 0, elements = 0, widest = 0;
  for (const GroupShape& g : groups) {
    const int64_t ranks = Ranks(g, s.lora.r, packed);
    linear += g.in * g.out;
    widest = std::max(widest, g.in * g.out);
    ranked += packed ? 6 * ranks * (g.in + g.out) : t * ranks * (g.in + g.out);
    for (size_t i = 0; i < g.outs.size(); ++i)
      if (static_cast<int64_t>(i) < g.adapted) elements += s.lora.r * (g.in + g.outs[i]);
  }
  const int64_t all = c.layers * linear;
  if (s.load_in_4bit) {
    // Q4_1 at most, beside what a GGUF holds in more bits. The vocabulary is floats on its way, and stays in the file's map.
    m.weights = vocabulary * (t + 5) + all * 5 / 8 + AdaptedLayers(c, s) * ranked;
    m.optimiser = 28 * AdaptedLayers(c, s) * elements;
    return;
  }
  if (s.use_peft) {
    m.weights = (all + vocabulary) * t + (packed ? 4 * all : t * all) + AdaptedLayers(c, s) * ranked;
    m.optimiser = 28 * AdaptedLayers(c, s) * elements;
    return;
  }
  // Float32 stands in the optimiser's part. A weight's gradient is made in the compute type first.
  if (s.bf16) m.weights = 2 * vocabulary + (packed ? 4 : 2) * all + 2 * widest;
  m.optimiser = 28 * (all + vocabulary);
}

int64_t KeptPerNode(const lm::LmConfig& c, const TrainSettings& s,
                    const std::vector<GroupShape>& groups, bool packed) {
  const int64_t t = s.bf16 ? 2 : 4;
  int64_t bytes = 8 * c.hidden + 8 + 4 * c.heads;  // both residual streams and what norms need
  for (const GroupShape& g : groups) bytes += t * (g.in + Ranks(g, s.lora.r, packed));
  bytes += t * (groups[0].out * (c.qk_norm ? 2 : 1) + groups[2].out);
  return bytes * KeptLayers(c, s);
}

// The sampler packs the merged weights anew; its cache holds a generation.
int64_t Sampling(Job job, const lm::LmConfig& c, const TrainSettings& s, int64_t linear,
                 int64_t longest) {
  if (!IsOnline(job) && s.preserve.empty()) return 0;
  const int64_t t = s.bf16 ? 2 : 4;
  const int64_t sequences = std::min<int64_t>(IsOnline(job) ? s.GenerationRows() : 64, 64),
                tokens = sequences * (longest + (IsOnline(job) ? 0 : 64));
  return t * (c.layers * linear + c.vocab * c.hidden) +
         tokens * c.layers * 2 * c.kv_heads * c.head_dim * t + sequences * c.vocab * 4;
}

std::string Gigabytes(int64_t bytes) {
  const double gb = static_cast<double>(bytes) / 1e9;
  return gb < 10 ? fmt::format("{:.1f} GB", gb) : fmt::format("{:.0f} GB", gb);
}

}  // namespace

MicroSizes LargestMicro(const TrainSettings& s, size_t rows, int64_t tokens,
                        const RowSequences& sequences) {
  MicroSizes most;
  int64_t all = 0;
  for (uint32_t i = 0; i < rows; ++i) {
    int64_t own = 0;
    for (const TokenRow* row : sequences(i)) own = std::max(own, static_cast<int64_t>(row->ids.size()));
    most.longest = std::max(most.longest, own);
    all += own;
  }
  if (rows == 0 || all == 0) return most;
  int64_t batch = s.BatchRows();
  if (s.packing) batch *= std::max<int64_t>(1, s.max_length * static_cast<int64_t>(rows) / all);
  auto order = Permutation(static_cast<uint32_t>(rows), static_cast<uint64_t>(s.seed), 0);
  if (!s.shuffle) std::ranges::sort(order);
  auto lead = [&](uint32_t i) -> const auto& { return sequences(i)[0]->ids; };
  int64_t seen = 0;
  for (size_t begin = 0; begin < rows && seen < kMostSimulated; begin += static_cast<size_t>(batch)) {
    const size_t end = std::min(rows, begin + static_cast<size_t>(batch));
    for (const auto& part : CutByTokens({order.begin() + static_cast<long>(begin),
                                         order.begin() + static_cast<long>(end)},
                                        lead, tokens)) {
      std::vector<std::vector<int32_t>> ids;
      int64_t targets = 0, positions = 0;
      for (uint32_t i : part)
        for (const TokenRow* row : sequences(i)) {
          ids.push_back(row->ids);
          targets += row->Learned();
          positions += static_cast<int64_t>(row->ids.size());
        }
      most.nodes = std::max(most.nodes, TokenTrie(ids).nodes());
      most.targets = std::max(most.targets, targets);
      most.positions = std::max(most.positions, positions);
      seen += positions;
    }
  }
  return most;
}

MicroSizes LargestMicro(const TrainSettings& s, const std::vector<int64_t>& lengths) {
  MicroSizes most;
  auto order = Permutation(static_cast<uint32_t>(lengths.size()), static_cast<uint64_t>(s.seed), 0);
  if (!s.shuffle) std::ranges::sort(order);
  const auto batch = static_cast<size_t>(s.BatchRows());
  for (size_t begin = 0; begin < lengths.size(); begin += batch) {
    std::vector<int64_t> some;
    for (size_t i = begin; i < std::min(lengths.size(), begin + batch); ++i)
      some.push_back(std::min(lengths[order[i]], s.max_length));
    std::ranges::sort(some);
    int64_t held = 0;
    for (int64_t n : some) {
      held = held + n > s.micro_batch_tokens ? n : held + n;
      most.positions = std::max(most.positions, held);
      most.longest = std::max(most.longest, n);
    }
  }
  most.nodes = UpTo(most.positions, 64);
  return most;
}

MemoryForecast ForecastDecoder(Job job, const TrainSettings& s, const lm::LmConfig& c,
                               const MicroSizes& micro) {
  const std::vector<GroupShape> groups = Groups(c, s);
  const bool packed = PacksAll(groups, s.bf16 && !s.load_in_4bit);
  const int64_t t = s.bf16 ? 2 : 4, n = micro.nodes, h = c.hidden, f = c.intermediate;
  MemoryForecast m;
  m.program = kProgramBytes;
  AddWeights(c, s, groups, packed, m);
  int64_t ranks = 0, linear = 0;
  for (const GroupShape& g : groups) {
    ranks += Ranks(g, s.lora.r, packed);
    linear += g.in * g.out;
  }
  const int64_t kept = n * (KeptPerNode(c, s, groups, packed) + 8 * h + t * h);
  int64_t backward = n * t * (4 * h + 3 * f + groups[0].out + groups[1].in + 3 * ranks) +
                     micro.positions * c.kv_heads * 2 * c.head_dim * 4;
  if (!s.use_peft)  // a weight's gradient in the compute type; norms' in float32
    backward += 12 * n * h + (s.bf16 ? 2 * 2 * f * h : 0);
  const int64_t block = std::min<int64_t>(micro.targets, s.use_peft ? 256 : 1024);
  int64_t head = micro.targets * (8 * h + t * h) + block * (c.vocab + h) * t;
  if (s.kl_weight > 0 || !s.preserve.empty()) head += block * c.vocab * t + micro.targets * h * t;
  if (!s.use_peft && s.bf16) head += 2 * c.vocab * h;
  m.activations = kept + backward;
  m.vocabulary = std::max<int64_t>(0, head - backward);
  m.sampling = Sampling(job, c, s, linear, micro.longest);
  return m;
}

MemoryForecast ForecastEncoder(const TrainSettings& s, const lm::EncoderConfig& c,
                               const MicroSizes& micro, int64_t heads) {
  const int64_t t = s.bf16 ? 2 : 4, h = c.hidden, f = c.intermediate, n = micro.nodes;
  const std::vector<GroupShape> groups = {
      {h, 3 * h, 3, {h, h, h}}, {h, h, 1, {h}}, {h, f, 1, {f}}, {f, h, 1, {h}}};
  const bool packed = PacksAll(groups, s.bf16);
  int64_t linear = 0, ranked = 0, elements = 0, ranks = 0, wide = 0;
  for (const GroupShape& g : groups) {
    const int64_t r = Ranks(g, s.lora.r, packed);
    linear += g.in * g.out;
    ranked += packed ? 6 * r * (g.in + g.out) : t * r * (g.in + g.out);
    ranks += r;
    wide += g.in + r;
    for (int64_t out : g.outs) elements += s.lora.r * (g.in + out);
  }
  MemoryForecast m;
  m.program = kProgramBytes;
  m.weights = t * (c.vocab + c.positions) * h + c.layers * (linear * t + (packed ? 4 : t) * linear + ranked);
  m.optimiser = 28 * (c.layers * elements + heads * (h + 1));
  const int64_t kept = n * c.layers * (t * (wide + 3 * h + f) + 8 * h + 16 + 4 * c.heads);
  const int64_t backward = n * (t * (6 * h + 3 * f + 3 * ranks) + 12 * h) + micro.positions * 2 * h * 4;
  m.activations = kept + backward;
  return m;
}

Status CheckMemory(const TrainSettings& s, int64_t free, int64_t longest,
                   const std::function<MemoryForecast(const TrainSettings&)>& forecast) {
  const int64_t needed = forecast(s).Total();
  if (free <= 0 || needed <= free) return {};
  const std::string said = fmt::format("training needs about {}, {} are free", Gigabytes(needed), Gigabytes(free));
  TrainSettings less = s;
  auto fits = [&] { return forecast(less).Total() <= free; };
  while (less.micro_batch_tokens > std::max<int64_t>(64, longest) && !fits())
    less.micro_batch_tokens = std::max<int64_t>({64, longest, less.micro_batch_tokens / 2});
  if (fits())
    return Fail(Code::kExhausted, "{}: use --micro_batch_tokens {} (about {})", said,
                less.micro_batch_tokens, Gigabytes(forecast(less).Total()));
  while (less.max_length > 64 && !fits()) {
    less.max_length = std::min(less.max_length, longest) / 2;
    less.micro_batch_tokens = std::min(less.micro_batch_tokens, less.max_length);
  }
  if (fits())
    return Fail(Code::kExhausted, "{}: use --max_length {} --micro_batch_tokens {} (about {})", said,
                less.max_length, less.micro_batch_tokens, Gigabytes(forecast(less).Total()));
  less = s;
  if (!s.use_peft) {
    less.use_peft = true;
    return Fail(Code::kExhausted, "{}: an adapter (without --use_peft false) needs about {}", said,
                Gigabytes(forecast(less).Total()));
  }
  less.load_in_4bit = true;
  if (forecast(less).Total() < needed && fits())  // an encoder's forecast does not change
    return Fail(Code::kExhausted, "{}: use --load_in_4bit true (about {})", said, Gigabytes(forecast(less).Total()));
  return Fail(Code::kExhausted, "{}: {} of it before the first row: a smaller model, or more memory", said,
              Gigabytes(forecast(s).program + forecast(s).weights + forecast(s).optimiser));
}

}  // namespace plumb::train
