#include "measure/eval/language.h"

#include <algorithm>
#include <array>
#include <map>

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

std::string ByWords(std::string_view text, const FrequentWords* begin, const FrequentWords* end) {
  std::map<std::string, int> counts;
  int total = 0;
  for (const std::string& word : Words(Normal(text))) {
    ++counts[word];
    ++total;
  }
  std::string_view best;
  int best_hits = 0, second_hits = 0;
  for (const FrequentWords* one = begin; one != end; ++one) {
    int hits = 0;
    for (size_t at = 0; at < one->words.size();) {
      const size_t space = std::min(one->words.find(' ', at), one->words.size());
      const auto found = counts.find(std::string(one->words.substr(at, space - at)));
      if (found != counts.end()) hits += found->second;
      at = space + 1;
    }
    if (hits > best_hits) {
      second_hits = best_hits;
      best_hits = hits;
      best = one->language;
    } else {
      second_hits = std::max(second_hits, hits);
    }
  }
  return best_hits >= 2 && best_hits > second_hits && best_hits * 14 >= total ? std::string(best) : std::string();
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
  for (char32_t code : CodePoints(text)) {
    if (const char* script = Script(code)) {
      ++scripts[script];
      ++letters;
    }
  }
  if (letters < 2) return "";
  // Japanese mixes kana with Han characters; a tenth of kana is enough.
  if (scripts["ja"] * 10 >= letters && scripts["ja"] + scripts["han"] > letters / 2) return "ja";
  const auto most = std::max_element(scripts.begin(), scripts.end(), [](auto& a, auto& b) { return a.second < b.second; });
  if (most->second * 2 < letters) return "";
  if (most->first == "han") return "zh";
  if (most->first == "latin") return ByWords(text, kLatin.begin(), kLatin.end());
  if (most->first == "cyrillic") return ByWords(text, kCyrillic.begin(), kCyrillic.end());
  return std::string(most->first);
}

}  // namespace plumb::eval
