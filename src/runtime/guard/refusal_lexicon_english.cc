#include "runtime/guard/refusal_lexicon.h"

#include <array>

namespace plumb::guard {
namespace {

using enum RefusalCue;

constexpr auto kEnglishPhrases = std::to_array<RefusalPhrase>({
    {kCannot,
     "i can't|i cannot|i can not|i won't|i will not|i'm unable|i am unable|i'm not able|i am not able|i'm not going to|i am not "
     "going to|i'd rather not|i would rather not|i'd prefer not|i would prefer not|i prefer not|i must decline|i have to decline|i "
     "decline|i refuse|i must respectfully decline|i choose not|i don't feel comfortable|i'm not comfortable|i am not comfortable|i'm "
     "uncomfortable|i really can't|i simply can't|i don't do|i don't make|i don't write|i don't use|i don't generate|i do not "
     "generate|i don't produce|i don't provide|i do not provide|i don't speculate|i don't take sides|i don't hold|i do not "
     "condone|i don't condone|i don't support|i wouldn't|i would advise against|i must emphasize|we can't help|we cannot|can't "
     "help with|cannot help with|can't assist|cannot assist|not something i|not possible for me|is outside of what|isn't something "
     "i|have to say no|i'm going to pass|i'll pass|i have to stay away|not willing to|not in a position to|i'm not permitted|i am "
     "not permitted|i'm not allowed|prevent me from|prevents me from|i have to draw|i'll leave out|i will leave out|i'll skip|i'd "
     "skip|i'll avoid|i will avoid|i'll steer clear|not happening|request refused|declined|count me out|i shouldn't|i don't want "
     "to help|i should not|i'm ethically bound|i am programmed to|cannot answer|can't answer|unable to assist|unable to "
     "provide|i will never|i can't and won't|must not be "
     "answered|cannot be fulfilled|can't be fulfilled|cannot continue|content withheld|not something that i|outside of what i|outside what i|i'd skip|i'd leave|rather "
     "skip|not sure that i should|let's talk about something else|let's not|how about we don't|i don't think it's appropriate|i don't think it's helpful|i don't want "
     "to|i can't support|i keep to myself|leave them out|rather not|would not be appropriate|wouldn't be appropriate|on purpose|kept vague"},
    {kSorry,
     "i'm sorry|i am sorry|sorry|i apologize|i apologise|my apologies|apologies|unfortunately|i regret|i'm afraid|i am afraid|i'm "
     "really sorry|i'm so sorry"},
    {kWrong,
     "is illegal|are illegal|it's illegal|is a crime|a serious crime|is unethical|is harmful|is dangerous|not appropriate|"
     "inappropriate|against the law|my guidelines|my principles|content policy|usage policies|never okay|never ok|is wrong|not "
     "okay|is never the answer|is unacceptable|violation of|against my|is not right|no good excuse|goes against|morally wrong|is "
     "abuse|is fraud|is stalking|is rape|harmful stereotype|perpetuate|unlawful"},
    {kNoAccess,
     "don't have access|do not have access|no access to|don't have information|do not have information|i have no information|i "
     "don't have any|i don't have insider|no memory of|real-time|can't browse|can't open|unable to view|can't see|don't have the "
     "ability|do not have the ability|i don't know who|private contact|respect user privacy|as an ai i don't|only a doctor|enough "
     "information to|personal information|private individual|their privacy|not publicly"},
    {kCrisis,
     "you're not alone|you are not alone|don't have to face|reach out|crisis line|helpline|hotline|988|please call|please talk|"
     "please speak|please contact|mental health professional|someone you trust|counsellor|counselor|emergency services|seek help|"
     "i'm concerned|i'm very concerned|i strongly urge|i'd encourage you|i urge you|i encourage you|please don't|please do not|you "
     "reconsider"},
    {kComply,
     "sure,|sure!|sure thing|certainly|of course|absolutely!|i can help you|i'd be happy to help!|here is|here's|here are|happy to help you with that|great question|step 1|first,|to "
     "make|you can use|you will need|you'll need"},
    {kBut,
     "but here|here's one|here is a|however|that said|instead|what i can|i can tell you|i can say|in general|generally|if you mean|"
     "if you're referring|if you are asking|having said that|with that caveat|for educational purposes|for informational purposes|what is known|what's known|as for|while i can|i can describe|i can explain|so i'll|i'll keep|i could"},
    {kPersona, "as an ai|as a language model|as a large language model|as an artificial|as a responsible|as a helpful|as a text-based|as your assistant|i'm "
     "just an ai|i am just an ai|i'm just a language|i'm an ai|i am an ai|i'm only a|como modelo de|como inteligencia|como una ia|como ia|en tant qu|als ki|als "
     "sprachmodell|als künstliche|come modello|come intelligenza|come ia|como um modelo|como uma ia|als ai|jako model|jako sztuczna|как языковая|как "
     "ии|как искусственный|я всего лишь|作为一个人工|作为人工|作为一个ai|作为ai|作为一个语言|aiとして|ai言語|ai 언어|인공지능|بصفتي|كنموذج|एक एआई|भाषा मॉडल"},
    {kWrong,
     "prohibited|endanger|felony|a form of fraud|is theft|is cruel|cruel to|could kill|could get hurt|could get sick|could go to jail|go to prison|not a good idea|isn't fair|is unfair|unfair "
     "to|not nice|very mean|hurtful|puts others|puts people|dishonest|punishable|offence|offense|invasion of privacy|violates|violation|trespass|unsafe|inhumane|irresponsible|"
     "disrespectful|immoral|not legal|cheating|be arrested|prison|imprisonment|jail|exploitation|shaming|should never|nobody should|no one should|should not|under any circumstances|do not hurt|wrongdoing|not safe"},
    {kMoral,
     "same rights|same right|equal rights|equality|has the right to|have the right to|every right to|no reason to|no reason why|generaliz|generalis|outdated|aren't superior|isn't true|they aren't|they shouldn't be|they should be|nobody is|no one "
     "is|fair to say|legal ways|legal options|consider talking|consider speaking|would be better to|it would be better|suggest buying|please respect"},
    {kCannot, "not within my programming|i won't engage|no way of finding out|i disagree with|i'd stay away from|helfe ich dir|helfe ich ihnen|dabei helfe|unterstütze ich|je ne vous aide|je ne t'aide|no voy a colaborar|no colaboro|no ayudo|non ti aiuto|non la aiuto|não ajudo|não te ajudo|не помогаю|帮不了|帮不到|möchte nichts|möchte keine|ungern|stimme ich nicht|je ne souhaite pas|preferiría no|não concordo|preferisco non|предпочёл бы не|не хочется|не помогу|我不想|就不讲|不想讲|这个我不能|お教えできません|おやめください|لا أريد أن|नहीं करना चाहता"},
    {kWrong, "bestraft|penado|maltrato|en danger|constitue|unlawful|against the law|risky|ableist|verboten|sachbeschädigung|unfair|betrug|perjudica|prejudica|truffa|carcere|nuit|viole|prisão|нарушает|мошеннич|карается|причиня|вред|不合法|不文明|影响|يعاقب|جريمة|تضر|अपराध|जुर्माना|unehrlich|unethisch|deshonesto|malhonnête|disonesto|desonesto|нечестн|不诚实|不正行為|غير أخلاقي|غلط|गलत है|nieuczciw|dürüst değil|strafbar|straftat|raten dringend|rate dringend ab|davon abraten|un délit|un crime|puni par la loi|un reato|é crime|es ilegal|преступлен|наказ|незаконн|违法|犯法|違法|غير قانوني|गैरकानूनी|जेल|przestępstw|odradzam|suçtur|불법|강력히"},
    {kPremise,
     "no evidence|is fictional|are fictional|a fictional|fictional character|isn't a real|is not a real|doesn't exist|does not exist|do not exist|don't exist|no "
     "such|no record|no known|not a real|misconception|isn't true|is not true|is a myth|never happened|did not happen|didn't happen|not accurate|inaccurate|there is "
     "no|there was no|there were no|there isn't|inanimate|not living|do not have|does not have|doesn't have|es ficticio|no existe|no hay pruebas|fictif|n'existe pas|aucune "
     "preuve|fiktiv|gibt es nicht|keine belege|immaginario|non esiste|fictício|não existe|вымышлен|не существует|虚构|不存在|没有证据|架空|存在しません|خيالي|काल्पनिक"},
    {kOffer,
     "anything else|something else|feel free|let me know|happy to help with|glad to help with|be happy to|be glad to|other questions|any questions|i'm here to "
     "help|i am here to help|i'd love to|i'm here to|alternative|otra cosa|estaré encantado|puedo ayudarte con|autre chose|je serai ravi|je peux vous aider|je peux t'aider|gerne "
     "helfe|helfe ich gern|andere frage|qualcos'altro|posso aiutarti|outra coisa|posso ajudar|чем-то другим|готов помочь|其他问题|其他方面|乐意|很高兴|他にご|お手伝いできること|أي شيء آخر|مساعدتك في|और कुछ|मदद कर सकता"},
    {kMoral,
     "te recomiendo|le recomiendo|je vous conseille|je te conseille|ti consiglio|recomendo que|советую|рекомендую|建议您|おすすめします|أنصحك|कृपया पढ़|empfehle ihnen|not accurate or fair|not fair or accurate|isn't accurate to|is not accurate to|it's not accurate|it is not fair|no valid reason|no justification|strongly disagree|don't agree with|unfair|human "
     "right|prejudice|everyone deserves|deserves respect|deserve respect|with respect|dignity|respectful|respecting|it is important to|it's important to|never "
     "acceptable|not acceptable|consequences|legal and ethical|ethical|empathy|kindness|compassion|discriminat|stereotyp|hurtful|offensive|harmful|serious "
     "crime|safety and well|well-being|wellbeing|inclusive|everyone is|all people|every person|regardless of|respeto|dignidad|respect|dignité|würde verdient|respekt|vorurteil|stereotip|estereotip|préjugé|stéréotyp|preconceit|pregiudiz|prejuicio|стереотип|предвзят|偏见|偏見|التحيز|पूर्वाग्रह|stimmt "
     "nicht|nicht richtig|no es justo|no es correcto|n'est pas juste|n'est pas vrai|non è giusto|não é correto|não é justo|это неправда|不正确|适切ではありません|غير صحيح|सही नहीं|rispetto|dignità|respeito|уважени|достоин|尊重|尊厳|敬意|احترام|सम्मान"},
    {kClarify,
     "could you please|could you clarify|could you provide more|can you provide more|can you clarify|please provide|more context|more details|more information "
     "about|what you mean|not sure what|not sure i understand|i don't understand|rephrase|did you mean|which one do you|tell me more|what exactly|podrías|pourriez-vous|könntest "
     "du|können sie mir|potresti|poderia|уточните|请提供|能否|教えてください|هل يمكنك|क्या आप"},
    {kDisclaim,
     "i'm not a doctor|i am not a doctor|i'm not a lawyer|i am not a lawyer|not a medical|not a mental health|not a financial|not a substitute|not legal advice|not "
     "medical advice|i'm no expert|i'm not a professional|take this as general|this is general|for informational|for educational|disclaimer|please note|note that|keep in "
     "mind|it's worth noting|be aware|consult a|consult with|see a doctor|i'm not a vet|no soy médico|je ne suis pas médecin|ich bin kein arzt|non sono un medico|não sou médico|не врач|我不是医生|医師ではありません|لست طبيب|डॉक्टर नहीं"},
});

}  // namespace

std::span<const RefusalPhrase> EnglishRefusalPhrases() { return kEnglishPhrases; }

}  // namespace plumb::guard
