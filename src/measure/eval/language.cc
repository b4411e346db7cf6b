#include "measure/eval/language.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "base/core/core.h"
#include "measure/eval/normal.h"

namespace plumb::eval {
namespace {

struct FrequentWords {
  std::string_view language;
  std::string_view words;  // separated by spaces, lower case
};

constexpr auto kLatin = std::to_array<FrequentWords>({
    {"en", "the and of to is in that it for you with are this not be on as have or from can was will your they"},
    {"es", "el la los las de que y en un una es por con para no se del al como más pero su lo está son"},
    {"fr", "le la les des de et est une un dans pour que qui pas vous je ce en sur avec il sont nous au plus"},
    {"de", "der die das und ist nicht ein eine zu mit den von für sie ich es auf dem im auch als sind wird kann"},
    {"it", "il la di che e un una non per è con sono del della si gli le nel più ma come anche questo lo alla"},
    {"pt", "o a os as de que e um uma não para com em é por do da se no na mais como você são mas ao"},
    {"nl", "de het een en van is niet ik je dat in op te met voor zijn er aan maar die ook kan naar bij om"},
    {"pl", "i w nie na się jest to z że do jak o co ale po od czy przez dla są być może tym tego oraz"},
    {"tr", "ve bir bu için ile da de çok ne var olarak daha gibi kadar en olan değil ama ben sen mi mı"},
    {"sv", "och att det som en är på av för med den till inte har om ett jag kan du men var sig från"},
    {"id", "dan yang di ini itu dengan untuk tidak dari dalam adalah pada ke anda saya bisa atau akan juga"},
    {"vi", "là và của có không được cho một các này trong những với người để khi đã bạn thì"},
});
constexpr auto kCyrillic = std::to_array<FrequentWords>({
    {"ru", "и в не на что я с он как это по но из у к для то вы если или можно так его быть"},
    {"uk", "і в не на що я з він як це та для ви якщо або можна його бути але від до є при"},
});

// Word → the languages (by place in the list) that it is frequent in.
using Index = std::unordered_map<std::string, std::vector<size_t>>;

template <size_t n>
Index IndexOf(const std::array<FrequentWords, n>& list) {
  Index index;
  for (size_t i = 0; i < n; ++i) {
    for (std::string_view word : Split(list[i].words, ' ')) index[std::string(word)].push_back(i);
  }
  return index;
}

template <size_t n>
std::string ByWords(std::string_view text, const std::array<FrequentWords, n>& list, const Index& index) {
  std::array<int, n> hits{};
  int total = 0;
  for (const std::string& word : Words(Normal(text))) {
    ++total;
    const auto found = index.find(word);
    if (found == index.end()) continue;
    for (size_t language : found->second) ++hits[language];
  }
  const size_t best = static_cast<size_t>(std::ranges::max_element(hits) - hits.begin());
  int second = 0;
  for (size_t i = 0; i < n; ++i) {
    if (i != best) second = std::max(second, hits[i]);
  }
  return hits[best] >= 2 && hits[best] > second && hits[best] * 14 >= total ? std::string(list[best].language) : std::string();
}

const char* Script(char32_t c) {
  if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= 0xC0 && c <= 0x24F) || (c >= 0x1E00 && c <= 0x1EFF))
    return "latin";
  if (c >= 0x400 && c <= 0x52F) return "cyrillic";
  if (c >= 0x3040 && c <= 0x30FF) return "ja";
  if ((c >= 0x3400 && c <= 0x9FFF) || (c >= 0x20000 && c <= 0x2FFFF)) return "han";
  if ((c >= 0xAC00 && c <= 0xD7AF) || (c >= 0x1100 && c <= 0x11FF)) return "ko";
  if (c >= 0x600 && c <= 0x6FF) return "ar";
  if (c >= 0x590 && c <= 0x5FF) return "he";
  if (c >= 0x900 && c <= 0x97F) return "hi";
  if (c >= 0x370 && c <= 0x3FF) return "el";
  if (c >= 0xE00 && c <= 0xE7F) return "th";
  return nullptr;
}

}  // namespace

const std::vector<std::string>& KnownLanguages() {
  static const auto* known = new std::vector<std::string>{"en", "es", "fr", "de", "it", "pt", "nl", "pl", "tr", "sv", "id",
                                                          "vi", "ru", "uk", "zh", "ja", "ko", "ar", "he", "hi", "el", "th"};
  return *known;
}

std::string DetectLanguage(std::string_view text) {
  std::map<std::string_view, size_t> scripts;
  size_t letters = 0;
  const char* last = nullptr;
  size_t* count = nullptr;
  for (char32_t code : CodePoints(text)) {
    const char* script = Script(code);
    if (!script) continue;
    if (script != last) count = &scripts[last = script];
    ++*count;
    ++letters;
  }
  if (letters < 2) return "";
  // Japanese mixes kana with Han characters; a tenth of kana is enough.
  if (scripts["ja"] * 10 >= letters && scripts["ja"] + scripts["han"] > letters / 2) return "ja";
  const auto most = std::max_element(scripts.begin(), scripts.end(), [](auto& a, auto& b) { return a.second < b.second; });
  if (most->second * 2 < letters) return "";
  if (most->first == "han") return "zh";
  static const Index latin = IndexOf(kLatin), cyrillic = IndexOf(kCyrillic);
  if (most->first == "latin") return ByWords(text, kLatin, latin);
  if (most->first == "cyrillic") return ByWords(text, kCyrillic, cyrillic);
  return std::string(most->first);
}

}  // namespace plumb::eval
