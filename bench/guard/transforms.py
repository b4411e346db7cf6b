"""Disguises: what the normaliser takes off, put on. Each is a function of a text and a number that varies it."""
import base64
import codecs
import urllib.parse

LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
CYRILLIC = str.maketrans({"a": "а", "c": "с", "e": "е", "i": "і", "o": "о", "p": "р", "x": "х", "y": "у"})
BOLD = {chr(ord("a") + i): chr(0x1D41A + i) for i in range(26)}
ACCENTS = str.maketrans({"a": "á", "e": "ë", "i": "ì", "o": "õ", "u": "û", "n": "ñ"})


def typos(text, n):
    """Two neighbours exchanged in every fifth long word."""
    words = text.split(" ")
    for i in range(n % 5, len(words), 5):
        if len(words[i]) > 4:
            k = 1 + n % (len(words[i]) - 3)
            words[i] = words[i][:k] + words[i][k + 1] + words[i][k] + words[i][k + 2:]
    return " ".join(words)


SINGLE = {
    "leet": lambda t, n: t.lower().translate(LEET),
    "cyrillic letters": lambda t, n: t.translate(CYRILLIC),
    "mathematical bold": lambda t, n: "".join(BOLD.get(c, c) for c in t.lower()),
    "accents": lambda t, n: t.translate(ACCENTS),
    "zero-width": lambda t, n: "\u200b".join(t),
    "bidi marks": lambda t, n: " ".join("\u202d" + w + "\u202c" for w in t.split(" ")),
    "tag characters": lambda t, n: "Hello. " + "".join(chr(0xE0000 + ord(c)) for c in t if ord(c) < 128),
    "letters spaced": lambda t, n: "   ".join(" ".join(w) for w in t.split(" ")),
    "letters dotted": lambda t, n: " ".join(".".join(w) for w in t.split(" ")),
    "upper case": lambda t, n: t.upper(),
    "alternating case": lambda t, n: "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(t)),
    "fullwidth": lambda t, n: "".join(chr(ord(c) + 0xFEE0) if 33 <= ord(c) <= 126 else c for c in t),
    "base64": lambda t, n: base64.b64encode(t.encode()).decode(),
    "hexadecimal": lambda t, n: t.encode().hex(),
    "percent": lambda t, n: "".join(f"%{b:02X}" for b in t.encode()),
    "url": lambda t, n: urllib.parse.quote(t),
    "rot13": lambda t, n: codecs.encode(t, "rot13"),
    "reversed": lambda t, n: t[::-1],
    "base64 twice": lambda t, n: base64.b64encode(base64.b64encode(t.encode())).decode(),
    "typos": typos,
}
