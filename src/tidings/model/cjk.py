"""The scripts of East Asia, and others without blanks between words, as ranges for a pattern.

Each stands in brackets there. Other engines (`regex`, RE2) name scripts themselves; Python's own
knows none.
"""

# Hiragana and katakana: a text with them is Japanese.
KANA = "\u3040-\u30ff"

# Syllables of Korean.
HANGUL = "\uac00-\ud7af"

# The letters that those are made of.
JAMO = "\u1100-\u11ff"

# Ideographs, those for compatibility included.
HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

# Ideographs, kana and their marks: a line may be broken beside each, which takes two columns.
FULL_WIDTH = "\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff"

# Letters, no marks, of all scripts whose words no search can tell apart: Thai, Lao, Burmese and
# Khmer as well, and Korean, whose words take endings. The stored index is made by these: with
# others it has to be made anew.
UNSPACED = (
    "\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u19e0-\u19ff\u3005-\u3007\u3031-\u3035\u3041-\u318f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
