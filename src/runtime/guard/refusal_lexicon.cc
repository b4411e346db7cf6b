#include "runtime/guard/refusal_lexicon.h"

#include <array>

namespace plumb::guard {
namespace {

using enum RefusalCue;

constexpr auto kPhrases = std::to_array<RefusalPhrase>({
    // English
    {kCannot,
     "i can't|i cannot|i can not|i won't|i will not|i'm unable|i am unable|i'm not able|i am not able|i'm not going to|i am not "
     "going to|i'd rather not|i would rather not|i'd prefer not|i would prefer not|i prefer not|i must decline|i have to decline|i "
     "decline|i refuse|i must respectfully|i choose not|i don't feel comfortable|i'm not comfortable|i am not comfortable|i'm "
     "uncomfortable|i really can't|i simply can't|i don't do|i don't make|i don't write|i don't use|i don't generate|i do not "
     "generate|i don't produce|i don't provide|i do not provide|i don't speculate|i don't take sides|i don't hold|i do not "
     "condone|i don't condone|i don't support|i wouldn't|i would advise against|i must emphasize|we can't help|we cannot|can't "
     "help with|cannot help with|can't assist|cannot assist|not something i|not possible for me|is outside of what|isn't something "
     "i|have to say no|i'm going to pass|i'll pass|i have to stay away|not willing to|not in a position to|i'm not permitted|i am "
     "not permitted|i'm not allowed|prevent me from|prevents me from|i have to draw|i'll leave out|i will leave out|i'll skip|i'd "
     "skip|i'll avoid|i will avoid|i'll steer clear|not happening|request refused|declined|count me out|i shouldn't|i don't want "
     "to help|i should not|i'm ethically bound|i am programmed to|cannot answer|can't answer|unable to assist|unable to provide|as "
     "an ai|as a language model|as a large language model|i'm just an ai|i am just an ai|i will never|i can't and won't|must not be "
     "answered|cannot be fulfilled|can't be fulfilled|cannot continue|content withheld"},
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
     "ability|do not have the ability|i don't know who|private contact|respect user privacy|as an ai i don't|i'm not a doctor|i'm "
     "not a lawyer|not a medical|only a doctor|enough information to"},
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
    // Spanish
    {kCannot, "no puedo|no voy a|no te voy|no me es posible|prefiero no|no colaborar|no es posible ayud|no escribo|debo rechazar|no hago"},
    {kSorry, "lo siento|lamento|lamentablemente|siento mucho|perdona|disculpa"},
    {kWrong, "es ilegal|es un delito|no está bien|va en contra"},
    {kNoAccess, "no tengo acceso|no dispongo|no tengo información"},
    {kCrisis, "no estás solo|por favor, llama|emergencias|habla con alguien"},
    {kComply, "claro|por supuesto|aquí tienes|aquí está|necesitas"},
    {kBut, "sin embargo|pero puedo|puedo recomendar|si lo que"},
    // French
    {kCannot, "je ne peux|je ne vais pas|je ne puis|je refuse|je dois décliner|je dois refuser|je préfère éviter|je préfère ne pas|il m'est impossible|je ne suis pas en mesure|je ne fais pas"},
    {kSorry, "désolé|désolée|je regrette|malheureusement|pardon"},
    {kWrong, "est illégal|est un délit|contraire à"},
    {kNoAccess, "je n'ai pas accès|je n'ai pas d'information|vie privée"},
    {kCrisis, "appelez|vous n'êtes pas seul|urgence|en parler à"},
    {kComply, "bien sûr|voici|certainement|avec plaisir"},
    {kBut, "cependant|en revanche|de façon générale|en voici une autre|toutefois"},
    // German
    {kCannot, "kann ich nicht|kann ich ihnen|kann ich dir|ich kann nicht|ich kann keine|werde ich nicht|helfe ich nicht|gebe ich|gebe ich nicht|muss ich ablehnen|lehne ich|möchte ich nicht|schreibe ich nicht|erzähle ich nicht|kann ich keine"},
    {kSorry, "tut mir leid|tut mir sehr leid|entschuldigung|leider"},
    {kWrong, "ist strafbar|ist illegal|ist verboten|verstößt"},
    {kNoAccess, "keine informationen|keinen zugriff|keine auskunft"},
    {kCrisis, "telefonseelsorge|sprich mit jemandem|in akuter gefahr"},
    {kComply, "gerne|hier ist|hier sind|natürlich"},
    {kBut, "aber hier|legal|stattdessen|jedoch|allerdings"},
    // Italian
    {kCannot, "non posso|non sono in grado|preferisco non|non ti aiuterò|mi rifiuto|devo rifiutare|non scrivo"},
    {kSorry, "mi dispiace|purtroppo|mi scuso|spiacente"},
    {kWrong, "è illegale|è un reato"},
    {kNoAccess, "non dispongo|non ho accesso|non ho informazioni"},
    {kCrisis, "chiama il|non devi affrontare|non sei solo"},
    {kComply, "certo|ecco|certamente|volentieri"},
    {kBut, "tuttavia|posso dirti|però posso"},
    // Portuguese
    {kCannot, "não posso|não consigo ajudar|não vou|prefiro não|recuso|não é possível"},
    {kSorry, "desculpe|sinto muito|infelizmente|lamento"},
    {kWrong, "é crime|é ilegal"},
    {kNoAccess, "não tenho acesso|não tenho informa"},
    {kCrisis, "ligue para|você não está sozinho|procure ajuda"},
    {kComply, "claro|aqui está|com certeza"},
    {kBut, "no entanto|mas posso|em vez disso"},
    // Dutch
    {kCannot, "kan ik je niet|kan ik u niet|kan ik niet|ik kan niet|ik kan geen|ik schrijf geen|werk ik niet aan mee|ik ga niet|kan ik je daar niet|ik weiger"},
    {kSorry, "het spijt me|sorry|helaas"},
    {kWrong, "is strafbaar|is illegaal|is verboden"},
    {kNoAccess, "geen toegang|geen informatie"},
    {kCrisis, "praat alsjeblieft|bel 113|direct gevaar"},
    {kComply, "natuurlijk|hier is|graag"},
    {kBut, "kan wel|in plaats daarvan|echter"},
    // Polish
    {kCannot, "nie mogę|nie będę|nie pomogę|odmawiam|nie jestem w stanie|wolę nie"},
    {kSorry, "przykro mi|przepraszam|niestety"},
    {kWrong, "jest nielegalne|to przestępstwo|niezgodne"},
    {kNoAccess, "nie mam dostępu|nie mam informacji"},
    {kCrisis, "zadzwoń|porozmawiaj z"},
    {kComply, "oto|oczywiście|jasne"},
    {kBut, "możesz jednak|jednak|zamiast tego"},
    // Russian, Ukrainian
    {kCannot, "не могу|не буду|не можу|я предпочту не|предпочитаю не|отказываюсь|вынужден отказать|не обсуждаю|не раскрываю|не стану|не в состоянии"},
    {kSorry, "извините|простите|к сожалению|мне очень жаль|вибачте|на жаль"},
    {kWrong, "это незаконно|недопустимо|противозаконно|нарушает"},
    {kNoAccess, "нет доступа|нет информации|я не врач"},
    {kCrisis, "телефон доверия|позвоните|обратитесь к"},
    {kComply, "конечно|вот |вам понадоб"},
    {kBut, "в общем случае|однако|если вы забыли"},
    // Turkish
    {kCannot, "yardımcı olamam|yardım edemem|veremem|gösteremem|öneremem|getiremiyorum|anlatmıyorum|yapamam|paylaşamam|edemiyorum"},
    {kSorry, "üzgünüm|maalesef|özür dilerim"},
    {kWrong, "suçtur|yasa dışı|yasal değil"},
    {kNoAccess, "erişimim yok|bilgim yok"},
    {kCrisis, "yalnız değilsin|güvendiğin"},
    {kComply, "işte|elbette|tabii"},
    {kBut, "ama gürültü|bunun yerine|ancak"},
    // Swedish, Indonesian, Vietnamese, Greek, Hebrew, Thai, Swahili
    {kCannot, "kan jag inte|jag kan inte|tänker inte|tidak dapat|tidak bisa|không thể|không hỗ trợ|δεν μπορώ|δεν θα|לא יכול|לא אוכל|ไม่สามารถ|siwezi"},
    {kSorry, "tyvärr|jag är ledsen|maaf|xin lỗi|λυπάμαι|συγγνώμη|מצטער|ขออภัย|ขอโทษ|samahani"},
    {kWrong, "olagligt|melanggar hukum|phạm pháp|παράνομο|ผิดกฎหมาย"},
    {kComply, "självklart|tentu|berikut|chắc chắn|dưới đây là|βεβαίως|בטח|แน่นอน"},
    // Chinese
    {kCannot, "不能提供|不能帮|不能协助|我不能|无法|無法|不会写|不能满足|不便|拒绝|我不会|不能回答|换一个聊"},
    {kSorry, "抱歉|对不起|對不起|很遗憾"},
    {kWrong, "违法|违反|不道德"},
    {kNoAccess, "没有关于|隐私|我不是医生"},
    {kCrisis, "热线|信任的人|拨打"},
    {kComply, "当然|以下是|好的|首先"},
    {kBut, "不过|但是|一般来说|可以告诉你"},
    // Japanese
    {kCannot, "できません|できかねます|いたしかねます|お応えでき|お答えでき|お断り|書くことができ|お教えでき"},
    {kSorry, "申し訳|すみません|ごめんなさい"},
    {kWrong, "違法|犯罪|侵害"},
    {kNoAccess, "個人情報|情報を持って"},
    {kCrisis, "一人で抱え|ホットライン|相談"},
    {kComply, "もちろん|はい、|以下"},
    {kBut, "ただし|ですが|代わりに"},
    // Korean
    {kCannot, "수 없습니다|수 없어요|드릴 수 없|하지 않겠|제공하지 않|거절|어렵습니다"},
    {kSorry, "죄송|미안|유감"},
    {kWrong, "불법|위법|범죄"},
    {kNoAccess, "개인 정보|접근할 수 없|의사가 아니"},
    {kCrisis, "상담전화|혼자 견디|연락해"},
    {kComply, "물론|네,|다음은"},
    {kBut, "다만|하지만|대신"},
    // Arabic
    {kCannot, "لا يمكنني|لا أستطيع|لن أساعد|لن أتمكن|أرفض|لا أكتب|لا أقدم"},
    {kSorry, "عذراً|عذرا|آسف|أعتذر|يؤسفني|للأسف"},
    {kWrong, "مخالف للقانون|غير قانوني|انتهاك"},
    {kNoAccess, "ليس لدي"},
    {kCrisis, "تثق به|خدمات الطوارئ|تتصل ب"},
    {kComply, "بالطبع|إليك|بالتأكيد"},
    {kBut, "لكن|ومع ذلك"},
    // Hindi
    {kCannot, "नहीं कर सकता|नहीं कर सकती|नहीं बताऊँगा|नहीं दे सकता|नहीं बता सकता|नहीं सुनाता|पूरा नहीं किया जा सकता|नहीं करूँगा"},
    {kSorry, "माफ़ कीजिए|माफ़ करें|क्षमा करें|मुझे दुख है|मुझे खेद है"},
    {kWrong, "गैरकानूनी|अवैध|अपराध है"},
    {kCrisis, "कृपया अभी|कॉल करें|अपने से बात"},
    {kComply, "बिल्कुल|ज़रूर|यहाँ"},
    {kBut, "लेकिन|हालाँकि|इसके बजाय"},
});

}  // namespace

std::span<const RefusalPhrase> RefusalLexicon() { return kPhrases; }

}  // namespace plumb::guard
