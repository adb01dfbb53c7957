"""Converts language codes.

NLLB-200 uses FLORES-200 codes ("zho_Hans"), Whisper its own ("zh"), and users ISO 639 codes of two or three letters or
BCP-47 tags ("pt-BR", "zh-TW"). The language and the script of a tag are used, or the region if it has no script. If the
models do not distinguish the variant, the language is used ("pt-BR": Portuguese). `script` is the exception: texts are
converted to it after recognition or translation.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from backend.errors import ProtocolError
from backend.messages.language_table import TABLE

# Takes the place of a code: detect the language.
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Language:
    """One line of the table."""

    # None: not supported by NLLB.
    flores: str | None
    # None: not supported by Whisper.
    whisper: str | None
    # In lower case, with hyphens. The FLORES code and its first three letters are accepted as well.
    codes: tuple[str, ...]
    name: str

    @property
    def code(self) -> str:
        """The preferred code."""
        return next(iter(self.codes), self.flores or "")


def flores_code(code: str) -> str:
    """Return the FLORES-200 code for NLLB. Raises ProtocolError `unsupported_language`."""
    language = _find(code)
    if language.flores is None:
        raise _unsupported(f"{language.name} ({code}) can be recognized but not translated")
    return language.flores


def whisper_code(code: str) -> str | None:
    """Return Whisper's code, or None for "auto". Raises ProtocolError `unsupported_language`."""
    if code.strip().lower() == AUTO:
        return None
    language = _find(code)
    if language.whisper is None:
        raise _unsupported(f"{language.name} ({code}) can be translated but not recognized")
    return language.whisper


def english_name(code: str) -> str:
    """Return the English name. Raises ProtocolError `unsupported_language`."""
    return _find(code).name


def script(code: str) -> str:
    """Return the script of texts in a language that `backend.text.scripts` converts, otherwise "".

    "Hans" or "Hant" (Chinese; "Hant-HK" with the characters of Hong Kong), "Cyrl" or "Latn" (Serbian). A code without a
    script or region means the likely script of the Unicode CLDR: "zh" is "Hans", "yue" is "Hant-HK", "sr" is "Cyrl".
    Raises ProtocolError `unsupported_language`.
    """
    flores = _find(code).flores or ""
    parts = set(_tag(code).split("-"))
    match flores[:3]:
        case "zho" | "yue" if parts & {"hans", "cn", "sg", "my"} and "hant" not in parts:
            return "Hans"
        case "yue":
            return "Hant-HK"
        case "zho" if flores == "zho_Hant":
            return "Hant-HK" if parts & {"hk", "mo"} else "Hant"
        case "zho":
            return "Hans"
        case "srp":
            return "Latn" if "latn" in parts or (parts & _LATIN_SERBIAN and "cyrl" not in parts) else "Cyrl"
    return ""


def unwritten_script(code: str, *, spoken: bool = False) -> str:
    """Return the script that a code names and its texts do not have, otherwise "".

    `spoken`: of recognized texts. Models recognize a language in one script, and some are translated into two. Raises
    ProtocolError `unsupported_language`.
    """
    language, parts = _find(code), _BCP47.fullmatch(_tag(code))
    named = parts[2] if parts else None
    if spoken and language.whisper:
        language = _find(language.whisper)
    if not named or not language.flores:
        return ""
    written = {language.flores[4:].lower(), script(code)[:4].lower()}
    return "" if _SAME_SCRIPT.get(named, named) in written else named.title()


def other_scripts(flores: str) -> list[str]:
    """The FLORES-200 codes of the same language in the scripts that `backend.text.scripts` converts to this one."""
    codes = [language.flores for language in LANGUAGES if language.flores and language.flores[:3] == flores[:3]]
    return [code for code in codes if code != flores and script(code)]


def protocol_codes(flores: Collection[str]) -> list[str]:
    """All codes that stand for these FLORES-200 codes: those of the table, and Whisper's."""
    found = [language for language in LANGUAGES if language.flores in flores]
    codes = {code for language in found for code in (*language.codes, language.whisper) if code}
    # Whisper's code for a dialect stands for the main language, which may not be among them.
    return sorted(code for code in codes if _find(code).flores in flores)


def needs_no_translation(source: str, target: str) -> bool:
    """Whether two FLORES-200 codes are the same language, or differ only in a script that is converted."""
    return source == target or target in other_scripts(source)


def _tag(code: str) -> str:
    return code.strip().replace("_", "-").lower()


def _find(code: str) -> Language:
    tag = _tag(code)
    if tag in _BY_TAG:
        return _BY_TAG[tag]
    if parts := _BCP47.fullmatch(tag):
        language, script, region = parts.groups()
        likely = script or ("hant" if region in _TRADITIONAL else region)
        for candidate in (f"{language}-{likely}", language):
            if candidate in _BY_TAG and script in _SCRIPTS:
                return _BY_TAG[candidate]
    raise _unsupported(f"unknown language {code[:_LONGEST]!r}{_suggestion(tag[:_LONGEST])}")


def _suggestion(tag: str) -> str:
    by_name = {language.name.lower(): language for language in LANGUAGES}
    if tag in _COUNTRIES:
        close = [_COUNTRIES[tag]]
    elif len(tag) <= 3 or "-" in tag:
        close = get_close_matches(tag, [known for known in _BY_TAG if known[:1] == tag[:1]], n=3)
    else:
        names = get_close_matches(tag, by_name, n=1)
        close = [by_name[names[0]].code] if names else get_close_matches(tag, _BY_TAG, n=1)
    if not close:
        return ': give an ISO 639 or FLORES code such as "es", "pt-BR" or "zho_Hant"'
    return f": did you mean {' or '.join(f'{code!r} ({english_name(code)})' for code in close)}?"


def _unsupported(message: str) -> ProtocolError:
    return ProtocolError(message, code="unsupported_language")


def _read(table: str) -> tuple[Language, ...]:
    def language(line: str) -> Language:
        *cells, english = line.split(maxsplit=3)
        flores_code, whisper_code, codes = (None if cell == "-" else cell for cell in cells)
        return Language(flores_code, whisper_code, tuple(codes.split(",")) if codes else (), english)

    return tuple(language(line) for line in table.strip().splitlines())


def _index(languages: tuple[Language, ...]) -> dict[str, Language]:
    """Map tags to languages. Without a script, a tag means the first script in the table."""
    tags = {code: language for language in languages for code in language.codes}
    for language in languages:
        if language.flores:
            tags[language.flores.replace("_", "-").lower()] = language
            tags.setdefault(language.flores[:3], language)
    return _variants(tags) | tags


def _variants(tags: Mapping[str, Language]) -> dict[str, Language]:
    """Map each short code with a script to the language in this script: "ks-deva"."""
    return {
        f"{code}-{tag[4:]}": variant
        for code, language in tags.items()
        if len(code) == 2 and language.flores
        for tag, variant in tags.items()
        if tag[:4] == f"{language.flores[:3]}-"
    }


_BCP47 = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?(?:-[a-z0-9]{1,8})*")
# Country codes that users confuse with language codes.
_COUNTRIES = {"cn": "zh", "cz": "cs", "dk": "da", "gb": "en", "gr": "el", "jp": "ja", "ua": "uk", "us": "en"}
# Characters of an unknown code that an error shows. RFC 5646 (section 4.4.1) requires tags of up to 35 characters.
_LONGEST = 35

# Regions where Chinese is likely to be in Traditional script, and Serbian in Latin script (CLDR, likely subtags).
_TRADITIONAL = frozenset(("au", "bn", "gb", "gf", "hk", "id", "mo", "pa", "pf", "ph", "sr", "th", "tw", "us", "vn"))
_LATIN_SERBIAN = frozenset({"me", "ro", "tr"})
# Korean is tagged with Hangul alone, or with Hangul and Chinese characters.
_SAME_SCRIPT = {"kore": "hang"}

LANGUAGES = _read(TABLE)
_BY_TAG = _index(LANGUAGES)
_SCRIPTS = {None, *_SAME_SCRIPT, *(language.flores[4:].lower() for language in LANGUAGES if language.flores)}
