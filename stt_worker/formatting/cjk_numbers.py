"""Writes Chinese and Japanese dates, percentages and amounts of money in digits, with the library kanjize.

Other numbers are often parts of words (千葉, 十分, 万一, 三三两两), so a number needs a unit after it.
"""

import re
from collections.abc import Iterator

from kanjize import KanjizeConfiguration, KanjizeStyle, kanji2number, number2kanji

from stt_worker.formatting.pieces import Edit

_DIGITS = "零〇一二三四五六七八九"
_NUMERALS = f"{_DIGITS}十百千万億两兩萬亿"
# As kanjize reads them.
_READ = str.maketrans("两兩萬亿", "二二万億")
_FLAT = str.maketrans(_DIGITS, "00123456789")
_LANGUAGES = frozenset({"ja", "yue", "zh"})
_CHINESE = (
    "元|块钱|塊錢|美元|美金|欧元|歐元|日元|港元|港币|港幣|英镑|英鎊|韩元|韓元|人民币|人民幣|卢布|盧布|新台币|新台幣"
)
_MONEY = {"ja": "円|ドル|ユーロ|ウォン", "yue": f"{_CHINESE}|蚊", "zh": _CHINESE}
_NUMBER = rf"(?<![{_NUMERALS}几幾数數第点點.\d])(?P<number>[{_NUMERALS}]+)"
_END = rf"(?![{_NUMERALS}几幾多点點余餘])"
# The last characters are those of words such as 元素.
_AFTER_MONEY = r"(?![素旦音组組件宵朝曲形周卓満])"
_FRACTION = rf"(?:[点點](?P<fraction>[{_DIGITS}]+))?"
_PERCENT = {
    "ja": rf"{_NUMBER}{_FRACTION}(?:パーセント|%|％)",
    "zh": rf"(?<![{_NUMERALS}])百分之(?P<number>[{_NUMERALS}]+){_FRACTION}{_END}",
}
_PERCENT["yue"] = _PERCENT["zh"]
_DATE = re.compile(
    rf"(?<![{_NUMERALS}几幾数數第点點.\d])(?:(?P<year>[{_NUMERALS}]+)年)?"
    rf"(?:(?P<month>[{_NUMERALS}]+)月(?:(?P<day>[{_NUMERALS}]+)[日号號])?)?{_END}"
)
_ERAS = ("昭和", "平成", "令和")
_YEARS = range(1_001, 2_200)
# All characters of units. A number is not complete before another one.
_UNFINISHED = {
    language: re.compile(rf"[{_NUMERALS}][{_NUMERALS}年月日号號分之点點パーセント%％{''.join(set(money) - {'|'})}]*$")
    for language, money in _MONEY.items()
}
# "350万".
_MIXED = KanjizeConfiguration(style=KanjizeStyle.MIXED, kanji_thousand=False)
# The last digit of 三百五 may be 50 in Chinese.
_SHORTENED = re.compile(r"[百千万億][一二三四五六七八九]$")
_SMALLEST = 10


def cjk_number_edits(text: str, language: str) -> list[Edit]:
    """Replace the numbers of dates, percentages and amounts of money."""
    if language not in _LANGUAGES:
        return []
    edits = [*_date_edits(text), *_percent_edits(text, language), *_money_edits(text, language)]
    return sorted(edits, key=lambda edit: edit.start)


def settled_length(text: str, language: str) -> int:
    """Length of the beginning of a text whose numbers are the same, whatever text follows."""
    unfinished = _UNFINISHED[language].search(text) if language in _LANGUAGES else None
    return unfinished.start() if unfinished else len(text)


def _value(number: str) -> int | None:
    """The value of a number that is written in the usual way: not 二三十, which is 20 or 30."""
    read = number.translate(_READ)
    try:
        value = kanji2number(read)
    except ValueError:
        return None
    return value if number2kanji(value) == re.sub("[零〇]|一(?=[十百千])", "", read) else None


def _date_edits(text: str) -> Iterator[Edit]:
    for match in _DATE.finditer(text):
        written = {name: _digits(name, part, text[: match.start()]) for name, part in match.groupdict().items() if part}
        # 五月 alone may be a name, and 三年五月 a time of three years and five months.
        if all(written.values()) and ("year" in written or "day" in written):
            yield from (Edit(*match.span(name), digits) for name, digits in written.items())


def _digits(name: str, number: str, before: str) -> str:
    """The digits of a part of a date, or "" if it cannot be one."""
    value = _value(number) or 0
    if name != "year":
        return str(value) if 1 <= value <= (12 if name == "month" else 31) else ""
    if len(number) == 4 and set(number) <= set(_DIGITS):
        return number.translate(_FLAT)
    return str(value) if value in _YEARS or (value and before.endswith(_ERAS)) else ""


def _percent_edits(text: str, language: str) -> Iterator[Edit]:
    for match in re.finditer(_PERCENT[language], text):
        value = _value(match["number"])
        if value is not None or match["number"] in ("零", "〇"):
            fraction = f".{match['fraction'].translate(_FLAT)}" if match["fraction"] else ""
            yield Edit(*match.span(), f"{value or 0}{fraction}%")


def _money_edits(text: str, language: str) -> Iterator[Edit]:
    for match in re.finditer(rf"{_NUMBER}(?:{_MONEY[language]}){_AFTER_MONEY}", text):
        number = match["number"]
        value = _value(number) or 0
        is_clear = language == "ja" or not _SHORTENED.search(number.translate(_READ))
        # 百元 and 千元 alone are often no exact amounts.
        if is_clear and value >= _SMALLEST and number[0] not in "百千万萬":
            yield Edit(*match.span("number"), _with_same_units(number2kanji(value, _MIXED), number))


def _with_same_units(written: str, number: str) -> str:
    """万 and 億 as the speech model has written them."""
    for unit, variant in (("万", "萬"), ("億", "亿")):
        written = written.replace(unit, variant) if variant in number else written
    return written
