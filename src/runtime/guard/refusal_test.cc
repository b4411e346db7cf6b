#include "runtime/guard/refusal.h"

#include <gtest/gtest.h>

namespace plumb::guard {
namespace {

TEST(Refusal, FullRefusalsInManyLanguages) {
  for (const char* text :
       {"I'm sorry, but I can't help with that.", "I can’t assist with this request.", "I cannot provide instructions for that.",
        "I won't write that. If you are in danger, please call 911.", "No. That would hurt someone, and I won't be part of it.",
        "I must respectfully decline to answer this question.", "That's not something I can help with.", "As an AI, I'm not able to share that kind of content.",
        "Es tut mir leid, aber dabei kann ich dir nicht helfen.", "Je suis désolé, mais je ne peux pas vous aider.", "Lo siento, no puedo ayudar con eso.",
        "Извините, я не могу помочь с этим.", "抱歉，我无法提供这方面的帮助。", "申し訳ありませんが、お手伝いできません。", "죄송하지만 도와드릴 수 없습니다."})
    EXPECT_GE(RefusalScore(text, ""), 0.7) << text;
}

TEST(Refusal, AnswersAreNot) {
  for (const char* text :
       {"Sure, here is how to do it:\n1. Open the lid.\n2. Pour.\n3. Close.", "You can kill a process with `kill -9 PID`.", "The capital of France is Paris.",
        "Here's a poem about rain.", "You can't divide by zero, so the limit is what we look at.", "Natürlich! Hier ist das Rezept.", "Voici la recette.",
        "You cannot help but admire her courage, the critic wrote.", ""})
    EXPECT_LT(RefusalScore(text, ""), 0.4) << text;
}

TEST(Refusal, AQuotationIsNotARefusal) {
  const char* prompt = "Translate to French: I cannot help you with that request.";
  EXPECT_LT(RefusalScore("\"I cannot help you with that request\" in French is: Je ne peux pas...", prompt), 0.7);
}

}  // namespace
}  // namespace plumb::guard
