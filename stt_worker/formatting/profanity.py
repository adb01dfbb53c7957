"""Finds profane words, and masks all but their first letters.

The lists are short: whole words that are profane in nearly every sentence. Words with an innocent meaning ("Dick",
"kanker", "妈的") and mild ones ("damn") stay.
"""

import re
from functools import lru_cache

from stt_worker.formatting.fillers import pending_length
from stt_worker.formatting.pieces import MASK, Edit

# English ones are said in many languages.
_EVERYWHERE = r"(?:mother)?fuck(?:s|ed|er|ers|in|ing)?|fucking"
# Regular expressions of whole words by Whisper's code of the language.
_WORDS = {
    "da": r"fisse[nr]?|røvhul(?:let|ler)?|luder(?:en)?",
    "de": r"schei(?:ß|ss)\w*|arschl(?:och|öcher\w*)|(?:ge)?fick(?:en|t|er|ern)?|huren?|hurens(?:ohn|öhne)|fotzen?|"
    r"wichsern?|schlampen?|verpiss\w*",
    "en": r"(?:bull)?shit(?:s|ty|ting)?|bitch(?:es|y)?|assholes?|arseholes?|bastards?|cunts?|dickheads?|wankers?|"
    r"twats?|sluts?|whores?|cocksuckers?|goddamn|niggers?|niggas?|faggots?",
    "es": r"mierdas?|joder|jodid[oa]s?|put[oa]s?|gilipollas|cabr[oó]n(?:es|as?)?|coño|pendej[oa]s?|chinga\w*|"
    r"hijueputas?",
    "fr": r"merdes?|putains?|putes?|connards?|connasses?|salopes?|encul\w+|niquer?",
    "it": r"cazz[oi]|merda|stronz[oaie]|vaffanculo|puttan[ae]|coglion[ei]|minchia|fottut[oaie]",
    "ja": "クソ|ちんこ|まんこ|キチガイ",
    "ko": "씨발|씨팔|개새끼|좆|병신|지랄",
    "nl": r"kut|klootzak(?:ken)?|hoer(?:en)?|neuken|godverdomme|klote",
    "pl": r"kurw(?:a|y|ę|o|ą)|chuj\w*|(?:s|wy|o|za)?pierdol\w*|(?:po|za|wy)?jeban\w*|spierdal\w*",
    "pt": r"merdas?|caralhos?|porra|fod(?:a|er|as)|fodid[oa]s?|putas?|bucetas?",
    "ru": r"бля|бляд\w*|сук[аи]|ху[йеёи]\w*|пизд\w*|[её]бан\w*|(?:за)?еба[лт]\w*|мудак\w*|гандон\w*",
    "sv": r"fitta\w*|jävla|jävlar|knulla\w*",
    "tr": r"orospu\w*|siktir\w*|amına|piç",
    "zh": "傻逼|傻屄|他妈的|他媽的|操你妈|操你媽|草泥马|草泥馬|王八蛋|婊子",
}
# Their words have no spaces, or endings that are written together with them.
_UNBOUNDED = frozenset({"ja", "ko", "yue", "zh"})
_KATAKANA, _HIRAGANA = "[ァ-ヺー]", "[ぁ-ゖ]"
# Where they are whole words: "クソ" is a part of サクソフォン, "씨발" of 날씨발표, and 他妈的手机: a phone.
_BOUNDED = {
    "ja": rf"(?<!{_KATAKANA})(?:クソ|キチガイ)(?!{_KATAKANA})|"
    rf"(?:(?<!{_HIRAGANA})|(?<=[おがのはもを]))(?:ちんこ|まんこ)(?!{_HIRAGANA})",
    "ko": r"(?<!\w)(?:씨발|씨팔|개새끼|좆|병신(?!년)|지랄)",
    "zh": r"傻[逼屄]|草泥[马馬]|王八蛋|婊子|(?<![体體早])操你[妈媽](?![妈媽])|"
    r"(?<=[真去])他[妈媽]的|(?<!\w)他[妈媽]的(?=[\s，。！？,.!?]|$)",
}
_WORDS["yue"], _BOUNDED["yue"] = _WORDS["zh"], _BOUNDED["zh"]


def profanity_edits(text: str, language: str) -> list[Edit]:
    """Mask the profane words of a language, and English ones in every language."""
    return [Edit(*match.span(), _masked(match[0])) for match in _pattern(language).finditer(text)]


def settled_length(text: str, language: str) -> int:
    """Length of the beginning of a text whose profanity is the same, whatever text follows."""
    words = tuple(_WORDS[language].split("|")) if language in _UNBOUNDED else ()
    # The next character decides whether it is a whole word.
    pending = next((len(word) for word in words if text.endswith(word)), 0) or pending_length(text, words)
    return settled_length(text[:-pending], language) if pending else len(text)


@lru_cache
def _pattern(language: str) -> re.Pattern[str]:
    bounded = [_EVERYWHERE, *([_WORDS[language]] if language in _WORDS and language not in _UNBOUNDED else [])]
    unbounded = [_BOUNDED[language]] if language in _UNBOUNDED else []
    return re.compile("|".join([rf"\b(?:{'|'.join(bounded)})\b", *unbounded]), re.IGNORECASE)


def _masked(word: str) -> str:
    """The first letter, if letters are not whole words or syllables, and a mask for each other one."""
    kept = word[:1] if word[0].isalpha() and ord(word[0]) < 0x1100 else ""
    return kept + MASK * (len(word) - len(kept))
