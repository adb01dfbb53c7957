"""Decides which small numbers are days of a month: they are written in digits, while "three" alone stays a word."""

from collections.abc import Sequence

from stt_worker.formatting.spoken_words import Number, SpokenWord, follow

# By Whisper's code.
MONTHS = {
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "de": "januar jänner februar märz april mai juni juli august september oktober november dezember",
    "en": "january february march april may june july august september october november december",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_MONTHS = {language: frozenset(names.split()) for language, names in MONTHS.items()}
# Between a day and its month.
_LINKS = {"en": "of", "es": "de", "pt": "de"}
# Languages that say ordinal numbers for all days, and those that do for the first one.
_ORDINAL, _FIRST_ORDINAL = frozenset({"da", "de", "en"}), frozenset({"fr", "it", "pt"})
# Also verbs, if they do not begin with a capital letter.
_VERBS = frozenset({"may", "march"})
_LAST_DAY = 31


def is_day(number: Number, words: Sequence[SpokenWord], language: str) -> bool:
    """Whether a number is the day of a month: "the third of May", "May third", "drei mei"."""
    if not 1 <= number.value <= _LAST_DAY or not _is_said_as_day(number, language):
        return False
    return is_before_month(words, number.end, language) or (language == "en" and _follows_month(words, number.start))


def is_before_month(words: Sequence[SpokenWord], place: int, language: str) -> bool:
    """Whether the name of a month is at a place of a text, after the word that links it to its day."""
    link = _LINKS.get(language)
    if link and not (follow(words, place) and words[place].word == link):
        return False
    month = place + bool(link)
    return follow(words, month) and words[month].word in _MONTHS[language]


def continuing_words(language: str) -> list[str]:
    """The words that may belong to the day before them."""
    return [*_MONTHS[language], *filter(None, [_LINKS.get(language)])]


def _is_said_as_day(number: Number, language: str) -> bool:
    if language in _ORDINAL:
        return number.is_ordinal
    # A cardinal "one" is also an article.
    return number.is_ordinal == (number.value == 1) and not (number.is_ordinal and language not in _FIRST_ORDINAL)


def _follows_month(words: Sequence[SpokenWord], place: int) -> bool:
    if not follow(words, place):
        return False
    month = words[place - 1]
    return month.word in _MONTHS["en"] and (month.is_capitalized or month.word not in _VERBS)
