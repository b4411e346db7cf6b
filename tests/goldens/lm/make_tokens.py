#!/usr/bin/env python3
"""make_tokens.py SMOLLM2.gguf MINILM_FOLDER OUT.json: token ids of awkward strings by the reference tokenizers."""
import json
import sys

from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoTokenizer

STRINGS = [
    "", " ", "  ", "\n", "\t\t", "a", "Hello, world!", "Hello  world", " leading", "trailing ", "tabs\tand\nnewlines\r\n\r\n", "x" * 300,
    "The quick brown fox jumps over the lazy dog.", "I've we'll they'd it's DON'T CAN'T I'M", "1234567890", "3.14159 and 1,000,000", "2026-11-21T09:30:00Z",
    "x²+y³=½", "Ⅷ ٣٤٥ ①②", "café naïve résumé", "cafe\u0301 e\u0301", "Straße GROẞ ß", "İstanbul ISPARTA ı", "Ελληνικά ΣΊΣΥΦΟΣ", "Привет, как дела?", "Ёлка ёж",
    "你好,世界。", "日本語のテキストです", "カタカナ ひらがな", "한국어 텍스트", "مرحبا بالعالم", "שלום עולם", "हिन्दी में लिखा", "ภาษาไทย", "Tiếng Việt có dấu", "ქართული",
    "Ærøskøbing Øl Å", "œuvre ﬁ ﬂ", "😀", "👩‍👩‍👧‍👦 family", "🇩🇪🇫🇷", "👍🏽 ok", "🫠🫶", "❤️ vs ❤", "a😀b😀c", "zero\u200bwidth\u200djoin", "\ufeffBOM", "nbsp\u00a0here\u2003em", "line\u2028sep\u2029para",
    "\u180emongolian", "soft\u00adhyphen", "control\u0001\u0007char", "\x00nul", "\ufffd replacement", "ℵ₀ ∑ ∫ √2 ≠ ±", "“quotes” ‘single’ — dash … ellipsis", "¿Qué? ¡Hola!",
    "def f(x):\n    return x**2  # square\n", "for (int i = 0; i < n; ++i) { a[i] += b[i]; }", "<div class=\"x\">&nbsp;</div>", "SELECT * FROM t WHERE a='b';", "{\"a\": [1, 2.5, null]}",
    "https://example.org/path?q=1&r=%20#frag", "user@example.org", "C:\\Windows\\System32", "$HOME/.config", "snake_case camelCase PascalCase kebab-case", "ALLCAPS lower MiXeD",
    "....!!!???", "-----", "a.b.c.d", "#hashtag @mention", "$100 €50 £20 ¥5", "50% off!!!", "    four spaces", "\n\n\n\nfour newlines", "a \n b", "word\u0300\u0301\u0302", "𝕳𝖊𝖑𝖑𝖔 𝓦𝓸𝓻𝓵𝓭", "Ｆｕｌｌｗｉｄｔｈ",
    "antidisestablishmentarianism", "pneumonoultramicroscopicsilicovolcanoconiosis", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "qwxzjkvb", "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>", "text<|im_end|>text", "[CLS] [SEP] [MASK] [PAD]", "[UNK]x[MASK]y",
    "ﷺ ﷽", "ǅ ǆ Ǆ", "Å Å", "𠀀𠀁 rare han", "\U0001F9D1\u200D\U0001F680 astronaut", "\u0e33\u0e49", "א͏ב", "नि क्षि", "ﬀ ﬃ", "Ω Ω",
]


def main():
    gguf, minilm, out = sys.argv[1:]
    folder, name = gguf.rsplit("/", 1)
    smol = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    # SmolLM2's own tokenizer.json splits digits one by one; transformers' GGUF reader leaves that step out.
    smol.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    bert = Tokenizer.from_file(minilm + "/tokenizer.json")
    bert.no_truncation()
    bert.no_padding()
    rows = [{"text": s, "smollm2": smol.encode(s, add_special_tokens=False),
             "decoded": smol.decode(smol.encode(s, add_special_tokens=False), clean_up_tokenization_spaces=False),
             "minilm": bert.encode(s).ids} for s in STRINGS]
    pair = bert.encode("how are you", "fine, thanks")
    chat = [[{"role": "user", "content": "Hi"}],
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Bye"}]]
    chats = [{"messages": m, "add_generation_prompt": g, "text": smol.apply_chat_template(m, tokenize=False, add_generation_prompt=g)} for m in chat for g in (False, True)]
    with open(out, "w") as f:
        json.dump({"rows": rows, "pair": {"ids": pair.ids, "types": pair.type_ids}, "chats": chats}, f, ensure_ascii=True, separators=(",", ":"))


main()
