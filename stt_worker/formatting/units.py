"""Writes percentages and amounts of money with their signs: "25 percent" is "25%", "25 dollars" is "$25"."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from stt_worker.formatting.pieces import Edit

_NO_BREAK = "\u00a0"
_NUMBER = r"(?<![\w.,$€£¥])(?P<number>\d+(?:[.,]\d+)*)"
_CENTS = re.compile(r"\s+and\s+(\d{1,2})\s+cents\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Units:
    """How a language says and writes units.

    `percent`: the words for it. `gap`: between a number and "%". `money`: the words for currencies with
    their signs. `sign_first`: whether the sign of a currency is before the number. `millions`: words between a number
    and a currency.
    """

    percent: str
    gap: str = ""
    money: dict[str, str] = field(default_factory=dict)
    sign_first: bool = False
    millions: str = ""


# By Whisper's code. Pounds are also weights, rupees have several signs, and "$" stands after the number or before it in
# Dutch, Spanish and Portuguese.
UNITS = {
    "da": Units("procent", _NO_BREAK, {"euro": "€"}, millions="millioner"),
    "de": Units("prozent", _NO_BREAK, {"euro": "€", "dollar": "$", "yen": "¥"}, millions="millionen|milliarden"),
    "en": Units(
        "percent|per cent",
        "",
        {"dollars": "$", "euros": "€", "pounds sterling": "£", "yen": "¥"},
        True,
        "thousand|million|billion|trillion",
    ),
    "es": Units("por ciento|por cien", _NO_BREAK, {"euros": "€"}),
    "fr": Units("pour cent", _NO_BREAK, {"euros": "€", "dollars": "$", "yens": "¥"}),
    "it": Units("per cento", "", {"euro": "€", "dollari": "$", "sterline": "£", "yen": "¥"}),
    "nl": Units("procent", "", {"euro": "€"}, millions="miljoen|miljard"),
    "pt": Units("por cento", "", {"euros": "€", "reais": f"R${_NO_BREAK}"}),
}


def unit_edits(text: str, language: str) -> list[Edit]:
    """Write the signs of units after numbers in digits."""
    if language not in UNITS:
        return []
    units = UNITS[language]
    percent = [
        Edit(match.start(), match.end(), f"{match['number']}{units.gap}%")
        for match in _pattern(units.percent).finditer(text)
    ]
    return sorted([*percent, *_money_edits(text, units)], key=lambda edit: edit.start)


def _money_edits(text: str, units: Units) -> list[Edit]:
    edits = []
    for match in _pattern("|".join(units.money), units.millions).finditer(text):
        sign, millions = units.money[" ".join(match["unit"].casefold().split())], match["millions"] or ""
        sign_first = units.sign_first or sign.endswith(_NO_BREAK)
        cents = None if millions or "." in match["number"] else _CENTS.match(text, match.end())
        end = cents.end() if cents and units.sign_first else match.end()
        amount = match["number"] + (f".{int(cents[1]):02}" if cents and units.sign_first else "") + millions
        edits.append(Edit(match.start(), end, sign + amount if sign_first else amount + _NO_BREAK + sign))
    return edits


@lru_cache
def _pattern(words: str, millions: str = "") -> re.Pattern[str]:
    between = rf"(?P<millions>\s+(?:{millions}))?" if millions else "(?P<millions>)"
    unit = words.replace(" ", r"\s+")
    return re.compile(rf"{_NUMBER}{between}\s+(?P<unit>{unit})\b", re.IGNORECASE)
