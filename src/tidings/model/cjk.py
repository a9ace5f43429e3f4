"""Character ranges of East Asian and other unspaced scripts, for character classes of `re`.

Python's `re` knows scripts by no name, unlike `regex` and RE2.
"""

# Hiragana and katakana: a text with them is Japanese.
KANA = "\u3040-\u30ff"

# Syllables of Korean.
HANGUL = "\uac00-\ud7af"

# The letters that those are made of.
JAMO = "\u1100-\u11ff"

# Ideographs, those for compatibility included.
HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

# Ideographs alone: what most texts have of them. The hexagrams between the two blocks are signs.
COMMON_HAN = "\u3400-\u4dbf\u4e00-\u9fff"

# Ideographs, kana and their marks: a line may be broken beside each, which takes two columns.
FULL_WIDTH = "\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff"

# Letters, no marks, of all scripts that are indexed as bigrams: Thai, Lao, Burmese and Khmer as
# well, and Korean, whose words take endings. The stored index depends on these: with other ranges
# it has to be rebuilt.
UNSPACED = (
    "\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u19e0-\u19ff\u3005-\u3007\u3031-\u3035\u3041-\u318f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
