"""How well a line or a cue may end after a word. Pure."""

import re

from backend.cli.files.subtitles.units import Unit
from backend.text.abbreviations import abbreviates
from backend.text.writing_systems import UNSPACED

# The costs of ending a cue after a word, and of dividing its lines there.
SENTENCE, UTTERANCE, CLAUSE, WORD, BINDING = 0.0, 1.0, 3.0, 10.0, 18.0

# Articles, prepositions, possessives and conjunctions: a reader expects another word after them. One set serves all
# languages, because a break before such a word is possible in any of them.
_BINDING = """
    a an the of to in on at by for from with into onto and or but nor as than that if my your his her its our their mr
    mrs ms dr very
    el la los las un una unos unas de del al en con por para sin sobre y e o u que mi tu su sus muy lo
    le les une des du au aux à dans sur sous avec sans pour par et ou où ni mais si mon ma mes ton ta tes son sa ses ce
    cette ces notre votre leur leurs très
    der die das den dem ein eine einen einem einer eines im am vom zum zur ins auf aus bei mit nach von zu für ohne um
    und oder aber dass wenn mein dein sein ihr unser sehr
    il gli i uno nel nella nei della dello dei degli delle dal dalla alla allo ai agli alle sul sulla di da per tra fra
    che se mio tuo suo molto
    os um uma uns umas do dos das no na nos nas ao pelo pela com em sem meu seu sua seus suas muito
    het een van op met voor naar bij uit te door over maar mijn zijn haar hun
    в во на с со к ко у о об от до из за по под над при для без и а но или не ни что как
    w we z ze od dla po przy oraz ale nie że
    ett och eller men på av till från med för om att
"""
_BINDING_WORDS = frozenset(_BINDING.split())
_CLOSERS = r"""["'”’»」』）)\]]*$"""
_SENTENCE_END = re.compile(rf"[.!?…。！？｡؟۔।॥።។။།]{_CLOSERS}")
_CLAUSE_END = re.compile(rf"[,;:—–、，；：､،؛၊]{_CLOSERS}")
# A number and its unit, and a Chinese particle and the word before it, belong together.
_NUMBER_END = re.compile("[0-9０-９一二三四五六七八九十百千万亿萬億两兩几幾]$")
_PARTICLE = re.compile("[的了着著过過吗嗎呢吧啊们們]\\W*$")
_UNSPACED_END = re.compile(f"[{UNSPACED}]$")


def break_cost(unit: Unit, following: Unit | None) -> float:
    """Return what a break between two units costs."""
    if following and _is_abbreviated(unit, following):
        return BINDING
    if _SENTENCE_END.search(unit.text):
        return SENTENCE
    if unit.ends_utterance:
        return UTTERANCE
    if _CLAUSE_END.search(unit.text) or (following and following.spaced and _UNSPACED_END.search(unit.text)):
        # In Thai, a space separates clauses.
        return CLAUSE
    is_bound = _NUMBER_END.search(unit.text) or (following and _PARTICLE.match(following.text))
    return BINDING if is_bound or unit.text.casefold() in _BINDING_WORDS else WORD


def _is_abbreviated(unit: Unit, following: Unit) -> bool:
    is_full_stop = unit.text.endswith(".") and not unit.text.endswith("..")
    return is_full_stop and abbreviates(unit.text[:-1], following.text, unit.language.split("-")[0])
