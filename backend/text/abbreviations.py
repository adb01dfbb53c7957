"""Whether a full stop belongs to an abbreviation, in any language. Pure.

The lists of sentencex are the base. They are extended by what they lack, and by what a word itself shows.
"""

import re
import unicodedata
from functools import lru_cache

import sentencex


def abbreviates(before: str, after: str, language: str) -> bool:
    """Whether the full stop between two texts belongs to the last word before it."""
    found, following = _WORD.search(before), _NEXT_WORD.search(after)
    return bool(found and is_abbreviation(found[0], following[0] if following else "", language))


def is_abbreviation(word: str, following: str, language: str) -> bool:
    """Whether the full stop after `word` belongs to it, as in "Dr." or "3.", and does not end the sentence.

    `following` is the word or number after the full stop, and `language` a code such as "de". In doubt, the answer is
    yes.
    """
    small = word.lower()
    # "It is 5 p.m. He left."
    if (not small.isalpha() or small in _AT_THE_END or _is_doubled(word)) and following in _FIRST_WORDS:
        return False
    if word.isdecimal():
        return len(word) <= 2 and language in _ORDINALS
    # A single letter is an initial, unless its script has no upper case, or it is the English "I".
    if len(word) == 1:
        return small != word.upper() and small != "i"
    if following[:1].isdecimal() and (small in _NUMBERED or small.endswith("str")):
        return True
    return "." in word or small in _ABBREVIATIONS or _is_doubled(word) or _looks_short(word, language)


def _is_doubled(word: str) -> bool:
    """Whether a word is an abbreviated plural, as in "EE. UU." and "MM. Dupont"."""
    return len(word) == 2 and word.isupper() and word[0] == word[1]


def _looks_short(word: str, language: str) -> bool:
    # Acronyms (TV) end sentences.
    if word.isupper() or word.lower() in _ORDINARY:
        return False
    return _has_no_vowel(word, language) or _is_listed(word, language)


def _has_no_vowel(word: str, language: str) -> bool:
    """Whether a word of an alphabet cannot be pronounced, as "Mr", "str" and "млн"."""
    letters = unicodedata.normalize("NFD", word.lower())
    return language not in _WORDS_WITHOUT_VOWELS and all(letter in _CONSONANTS for letter in letters)


@lru_cache(maxsize=4096)
def _is_listed(word: str, language: str) -> bool:
    return len(sentencex.segment(language, f"Aa {word}. Aa bb.")) == 1


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[^\W_](?:[\w.'’]*\w)?$")
_NEXT_WORD = re.compile(r"\w[\w'’]*")
_CONSONANTS = frozenset(
    "bcdfghjklmnpqrstvwxzßłđбвгджзйклмнпрстфхцчшщьβγδζθκλμνξπρστφχψς\u0301\u0302\u0303\u0308\u030c\u0327"
)
_WORDS_WITHOUT_VOWELS = _words("bs cs cy hr mk sk sl sr")
# Languages that write "3." for "third".
_ORDINALS = _words("az bs cs da de et eu fo fi hr hu is li lb lv nb nn no pl sk sl sr szl tr")
# Abbreviations that the lists lack, or that other languages have as well.
_ABBREVIATIONS = _words(
    "aprox approx asst av avda avv bzw ca cad capt col dept dhr dipl doç dott dr dra ecc etc evtl geb gen gest ggf godz"
    " gov hab hon hr ing inkl inż jh jr lic lt mah mevr mgr mio mlle mme mr mrs mrd ms mt núm osv pag pág prof rev sek"
    " sen sgt sig sok sr sra srta st stb ste usw vgl vs zzgl вул др им млн млрд обл проф рис стр тов тыс ул αρ σελ"
)
# Abbreviations if a number follows, otherwise often words.
_NUMBERED = _words(
    "abb abs abt al apr apt art aug av bd cap cca ch chap cl dec eq ext feb fig gegr jan jul jun kap kl klo mar may n"
    " no nov nr num núm oct ok okt p pag pág par para pl pp rm rua sec sep sept stk tab tel ul v vol гл рис ст стр"
)
# Abbreviations that also end sentences, as "p.m." and numbers do, and words that begin the next sentence.
_AT_THE_END = _words("co corp ecc enz etc inc itd itp jr ltd osv stb usw vb")
_FIRST_WORDS = _words(
    "I He She It We You They The This That These Those There But And So Then When What Why How If My His Her Our Their "
    "Er Sie Es Wir Ich Ihr Der Die Das Den Dem Ein Eine Aber Und Dann Wenn Was Warum "
    "Él Ella Ellos Ellas Yo Nosotros Usted El La Los Las Un Una Pero Y Entonces Cuando Qué "
    "Il Elle Ils Elles Je Nous Vous On Le Les Une Mais Et Alors Ce C'est C’est "
    "Io Lui Lei Noi Voi Loro Lo Gli Ma E Allora Eu Ele Ela Eles Nós O A Os As Mas "
    "Ik Hij Zij Wij Jij Het Een De En Maar Он Она Они Мы Я Вы Это Но И А Jag Han Hon Vi De Det Men Och"
)
# Words that the lists contain although sentences often end with them, and sounds.
_ORDINARY = _words(
    "ad al art bien brr con de di ed en fed hm hmm in la le mai mar may me mhm miss no ore para pst psst re sh "
    "shh su tsk un"
) | {"ill"}
