#include "runtime/guard/refusal_rules.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace plumb::guard::refusal {
namespace {

// English refuses by grammar: who speaks, a negated ability or will, and a verb of helping.
#define NOT_ABLE                                                                            \
  "(?:can'?t|cannot|can not|could not|couldn'?t|won'?t|will not|would "                     \
  "not|wouldn'?t|(?:'m|am|are|'re) (?:not able|"                                            \
  "unable|not comfortable|not allowed|not permitted|not going|not here|not programmed|not " \
  "designed|not capable|"                                                                   \
  "not willing|prohibited|forbidden)|do not|don'?t|never|must not|should "                  \
  "not|shouldn'?t|(?:must|have to|will|need to) "                                           \
  "(?:respectfully |politely |firmly )?(?:decline|refuse)|refuse|decline|not in a position)"
#define HELP                                                                                       \
  "(?:help|assist|provid\\w+|compl[yi]\\w*|fulfil\\w*|give|giving|share|sharing|support|write|"    \
  "writing|creat\\w+|"                                                                             \
  "generat\\w+|answer\\w*|do "                                                                     \
  "(?:that|this|it|so)|engag\\w+|offer\\w*|discuss\\w*|guid\\w+|teach\\w*|instruct\\w*|"           \
  "tell|explain\\w*|recommend\\w*|condon\\w+|encourag\\w+|facilitat\\w+|participat\\w+|produc\\w+" \
  "|describ\\w+|"                                                                                  \
  "respond\\w*|continue|advis\\w+|advice|promot\\w+|endors\\w+|aid|collaborat\\w+|carry out|go "   \
  "along|talk about|"                                                                              \
  "walk you|show you|make (?:that|this|it|content|a|any)|draft\\w*|compose|say "                   \
  "that|role-?play|pretend|fabricat\\w+|"                                                          \
  "suggest\\w*|list|speculat\\w+|reveal\\w*|disclos\\w+|access|find|contribute|entertain|proceed|" \
  "be part|take part|"                                                                             \
  "meet (?:that|this|your)|accommodate|perform|process|supply|direct you|point you|coach|in good " \
  "conscience|"                                                                                    \
  "translat\\w+|predict|diagnose|reproduce|argue|agree|rank|name|include|satisfy|assist\\w*|"      \
  "repeat|locate|look up)"
#define WHO                                                                                    \
  "\\b(?:i|we)(?: "                                                                            \
  "(?:really|simply|just|also|still|definitely|absolutely|personally|therefore|unfortunately|" \
  "honestly))?,? ?"

// Looked for in the opening.
constexpr auto kEnglishRules = std::to_array<const char*>({
    WHO NOT_ABLE "(?: \\w+){0,5}? " HELP "\\b",
    "\\b(?:that'?s|this is|it'?s|that is|it is|this one is) (?:not )?(?:something|a line|a "
    "request|one|territory|nothing)(?: \\w+){0,3}? "
    "(?:i|we) (?:can'?t|cannot|can|won'?t|will not|do|don'?t|am|'m|refuse|will|have to|must|want)",
    "^\\W*(?:no[.,!:]|no$|absolutely not|no way|not a chance|nope|hmm, no)",
    "\\b(?:request|question|prompt|topic|content|task) (?:\\w+ ){0,4}?(?:cannot|can'?t|will "
    "not|won'?t|refused|withheld)",
    "\\bi (?:have to|must|need to|will|am going to|'m going to)(?: \\w+)? (?:pass|stop|draw a "
    "line|say no|turn (?:this|that) down|refrain)\\b",
    "\\b(?:goes |is |would be )?(?:against|violat\\w+|contrary to) (?:my|our|the|openai\\w*) "
    "(?:\\w+ ){0,3}(?:guidelines?|polic\\w+|programming|principles|values|ethic\\w*|terms)",
    "\\bas an? (?:\\w+ ){0,3}(?:ai|assistant|language model|chatbot)\\b",
    "^\\W*(?:i'?m|i am) (?:really |so |very |truly )?sorry (?:that |to hear |you)",
    "^\\W*(?:i'?m|i am) (?:really |so |very )?sorry,? but",
    "^\\W*(?:sorry|apologies|unfortunately)\\b",
    "\\bi (?:understand|hear|get|appreciate|know) (?:that |how |you|the |your)",
    "\\b(?:is|are|would be|it'?s|that'?s|could be|may be) (?:\\w+ "
    "){0,2}?(?:illegal|unethical|immoral|a (?:serious )?crime|a felony|wrong|harmful|dangerous)\\b",
    "\\b(?:i )?(?:strongly |'d |would )?(?:urge|encourage|advise|suggest|recommend) (?:that )?you "
    "(?:\\w+ )?(?:to )?(?:seek|talk|reach|reconsider|refrain|consider|contact|not|be|speak|stay)",
    "\\bif you(?:'re| are) (?:\\w+ )?(?:struggling|having|in "
    "(?:crisis|danger|distress|immediate|financial)|feeling|worried|thinking|using|angry)",
    "\\b(?:instead|else|otherwise|alternatively)\\b",
    "\\b(?:i'?d be|i'?m|i would be|we'?d be) (?:happy|glad|able) to\\b",
    "\\bi (?:don'?t|do not) (?:have|know)\\b",
    "\\b(?:don'?t|do not|never) (?:hurt|harm|try|do|attempt)\\b",
    "^\\W*(?:sure|certainly|of course|absolutely|yes|okay|ok|great|definitely|no "
    "problem|hello|hi)\\b",
    "\\bhere(?:'s| is| are) (?:a|an|the|some|how|my|your|one|\\d+|\\w+) ",
    "\\b(?:i can|i could|i'll|i will|let me) (?:\\w+ "
    ")?(?:tell|say|describe|explain|cover|write|keep|give|help|play|share|offer)\\b",
    "\\b(?:he|she|they|people|you|it|who) (?:can'?t|cannot|won'?t|refuse\\w*|decline\\w*)\\b",
    "\\b(?:assistant|ai|model|response|answer) (?:\\w+ )?(?:must|should|can|will|may|does)(?: "
    "not|n'?t|not)\\b",
    "\\b(?:it'?s|it is|that'?s|that is|this is|it would be|would be|is|are) (?:\\w+ "
    "){0,2}(?:not|never|neither|in|un)(?: |n't )?(?:\\w+ "
    ")?(?:appropriate|ethical|acceptable|ok|okay|legal|right|recommended|safe)\\b",
    "^\\W*(?:\\w+ing|\\w+ing up) [^.!?]{0,80}\\b(?:is|are|can) (?:\\w+ "
    "){0,5}(?:illegal|crimes?|wrong|unethical|dangerous|harmful|immoral|offen[cs]e|abuse|violat\\w+"
    "|consequences)\\b",
    "^\\W*(?:there (?:is|are|was|were) no|no \\w+ (?:\\w+ )?(?:is|are|should|deserves?)|nobody|no "
    "one)\\b",
    "^\\W*i(?:'m| am) (?:so |very |really |beyond "
    ")?(?:excited|happy|glad|thrilled|proud|over|grateful|looking|writing|interested|delighted)\\b",
    "\\b(?:however|but|instead|that said|still)\\b[^.!?]{0,40}\\b(?:i can|i could|i'?ll|i will|let "
    "me|here(?:'s| is| are)|you can|you could)\\b",
    "^\\W*(?:error|refus\\w+|declined|request denied|\\[?refused)",
    "\\bi (?:don'?t|do not)(?: \\w+)? "
    "(?:have|possess|hold|know|store|keep|retain)\\b[^.!?]{0,50}(?:access|information|data|abilit|"
    "capab|details|records?|address|number)",
    "\\b(?:please|you should|i urge you to|i'd) (?:\\w+ )?(?:seek|call|reach out|contact|talk "
    "to|speak to|speak with|consult)\\b",
    "\\b(?:can'?t|cannot|unable to|not able to) (?:\\w+ "
    ")?(?:attach|execute|run|open|play|print|place|phone|order|browse|view|see|access|create "
    "(?:the|a|an|any) (?:file|slide|image|visual|actual))",
    "^\\W*(?:\\w+, )?no\\W*$|^\\W*(?:refused|declined|denied)\\W*$|[,;:—–-] ?(?:so )?no[.,!]",
    // The same grammar elsewhere: a first person that cannot or will not, and with a verb of
    // helping
    "\\bich\\b[^.!?]{0,50}\\b(?:nicht|kein\\w*|ungern)\\b|\\bje (?:ne "
    "|n')[^.!?]{0,30}\\b(?:pas|peux|puis|saurais)\\b|\\bno (?:puedo|voy a|debo|quiero|soy capaz|me "
    "es "
    "posible)\\b|\\bnon (?:posso|sono in grado|voglio|intendo|mi è possibile)\\b|não "
    "(?:posso|consigo|vou|devo|sou capaz)\\b|\\bik\\b[^.!?]{0,40}\\b(?:niet|geen)\\b|не "
    "(?:могу|буду|стану|хочу|помогу|вправе)|\\bnie (?:mog|będ|pomog|chc|jestem w stanie)",
    "(?:nicht|kein\\w*) "
    "[^.!?]{0,60}(?:helf\\w*|behilflich|geben|anbieten|bereitstellen|teilen|weitergeben|"
    "unterstützen|beantworten|schreiben|erklären|nennen|machen)|\\bne [^.!?]{0,12}(?:pas|puis) "
    "[^.!?]{0,25}(?:aider|fournir|donner|partager|écrire|expliquer|répondre|assister|prédire|"
    "transmettre)|\\bno (?:puedo|voy a) "
    "[^.!?]{0,12}(?:ayud|proporcion|dar|compart|escrib|explic|respond|ofrec|facilit|contar|dec)|"
    "\\bnon "
    "(?:posso|voglio|intendo) "
    "[^.!?]{0,12}(?:aiut|forn|dar|condivid|scriv|spieg|rispond|offr|prevedere)|não "
    "(?:posso|vou|consigo) "
    "[^.!?]{0,12}(?:ajud|fornec|dar|compart|escrev|explic|ensin|respond|prever)|не "
    "(?:могу|буду|стану) "
    "[^.!?]{0,15}(?:помо|предостав|дать|дава|писать|рассказ|объясн|отве)|(?:无法|不能|不会)(?:帮|"
    "协助|提供|回答|满足|教|写)|(?:お手伝い|提供|お応え|お答え|お教え|協力)(?:すること)?(?:は|が)?("
    "?:できま|でき|いたしかね)|لا "
    "(?:يمكنني|أستطيع) (?:مساعد|تقديم|مشارك|المساعد|توفير)|मदद नहीं|नहीं दे सक",
});
#undef NOT_ABLE
#undef HELP
#undef WHO
static_assert(kEnglishRules.size() <= kMostRules);

const std::vector<std::unique_ptr<RE2>>& CompiledRules() {
  static const auto* rules = [] {
    auto* list = new std::vector<std::unique_ptr<RE2>>;
    for (const char* rule : kEnglishRules) list->push_back(std::make_unique<RE2>(rule));
    return list;
  }();
  return *rules;
}

// Which of `patterns` may match, in one pass.
const RE2::Set* Together(const auto& patterns) {
  // What other texts lead to is kept, and made again once it takes more than this: which costs more than reading them.
  constexpr int64_t kRoom = 16 << 20;
  RE2::Options options;
  options.set_max_mem(kRoom);
  auto* all = new RE2::Set(options, RE2::UNANCHORED);
  for (const auto& pattern : patterns) all->Add(pattern, nullptr);
  all->Compile();
  return all;
}

// The same rules where "at most so many" is "any number": they match whatever the rules match, and keep no count, of which
// there would be a state for every place in the text.
std::vector<std::string> Uncounted(const auto& rules) {
  std::vector<std::string> out(rules.begin(), rules.end());
  for (std::string& rule : out) RE2::GlobalReplace(&rule, R"(\{0,\d+\}\??)", "*");
  return out;
}

constexpr auto kPromptKinds = std::to_array<const char*>({
    "\\b(?:write|compose|draft|escrib|écris|schreib|scrivi|escreva|schrijf|napisz|напиши|yaz)|写|"
    "書いて|써줘|اكتب|लिखो",
    "\\b(?:translate|how do you say|in (?:spanish|french|german|japanese)|traduis|se dice)|英語",
    "\\b(?:what "
    "(?:is|does|was)|define|explain|why|describe|summari[sz]e|complete|reply|list|name)\\b",
    "^(?:my |i |i'm|je |ich |mi |у меня|我的)",
    "\\b(?:pretend|act as|role-?play|scene|story|dialogue|monologue|poem|villain|chatbot)",
    "^(?:is|are|can|could|does|do|did|should|would|will|has|have|was|were|may) ",
    "\\b(?:legal|illegal|allowed|laws?|crimes?|sentence|penalt\\w+|punish\\w+|wrong|ethical|safe)"
    "\\b",
    "\\bhow "
    "(?:do|can|to|would|could|should|does)\\b|^(?:cómo|comment|wie|come|como|как|如何|怎么|どう)",
    "\\b(?:who|where|when|whose|address|phone|number)\\b",
    "\\b(?:refus\\w+|declin\\w+|reject\\w*|say(?:ing)? no|apolog\\w+|excuse|turn "
    "down|cannot|can'?t|unable)\\b",
});
static_assert(kPromptKinds.size() <= kMostPromptKinds);

}  // namespace

RuleSet RulesOf(const std::string& head, size_t first, const std::string& asked, bool* early) {
  static const RE2::Set* set = Together(Uncounted(kEnglishRules));
  RuleSet found = 0;
  std::vector<int> hits;
  set->Match(head, &hits);
  for (int i : hits) {
    re2::StringPiece match;
    if (!CompiledRules()[i]->Match(head, 0, head.size(), RE2::UNANCHORED, &match, 1)) continue;
    if (match.size() > 8 &&
        asked.find(std::string_view(match.data(), match.size())) != std::string::npos)
      continue;
    found |= 1ull << i;
    if (i == 0 && match.data() < head.data() + first) *early = true;
  }
  return found;
}

PromptKinds PromptKindsOf(std::string_view asked) {
  static const RE2::Set* set = Together(kPromptKinds);
  PromptKinds found = 0;
  std::vector<int> hits;
  set->Match(asked.substr(0, 2000), &hits);
  for (int i : hits) found |= 1u << i;
  return found;
}

}  // namespace plumb::guard::refusal
