"""Whole transcripts are split into cues within the limits of the guides."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cli.files.subtitles.cues import MAX_PAUSE_MS, split_into_cues
from backend.cli.files.subtitles.limits import LONGEST_LINGER_MS, MAX_CUE_MS, MIN_CUE_MS, MIN_GAP_MS, CueLimits
from backend.cli.files.subtitles.timing import Cue
from backend.cli.files.subtitles.units import TimedText, TimedWord, units_of

# Words as recognizers write them: with a space before them, or without spaces in a script that has none.
VOCABULARY = {
    "en": [
        " the",
        " of",
        " a",
        " house,",
        " well-known",
        " Mr.",
        " extraordinarily",
        " yes.",
        " I",
        " 3.5",
        " (so)",
        "—",
    ],
    "de": [" die", " Straßenbahnhaltestelle", " und", " zu.", " Herr", " kommt,", " am", " 3."],
    "zh": ["今天", "天气", "很好", "，", "我们", "去", "公园", "。", "Microsoft", "的", "2024"],
    "ja": ["私は", "昨日", "、", "東京", "に", "行った", "。", "コーヒー", "YouTube", "を"],
    "ko": [" 저는", " 어제", " 서울에", " 갔습니다.", " 네,", " 친구를"],
    "th": ["สวัสดี", "ครับ", " ผม", "ชื่อ", "สมชาย", "เป็น", "นักเรียน"],
    "lo": ["ສະບາຍດີ", "ຂ້ອຍ", "ຊື່", "ນັກຮຽນ"],
    "km": ["សួស្តី", "ខ្ញុំ", "ឈ្មោះ", "សិស្ស", "។"],
    "my": ["မင်္ဂလာပါ", "ကျွန်တော်", "နာမည်", "ကျောင်းသား", "။"],
    "ar": [" كيف", " حالك؟", " أنا", " بخير."],
}


@st.composite
def speech(draw: st.DrawFn, most: int = 5) -> list[TimedText]:
    """Utterances in one language, whose words follow each other at any pace and with any pauses."""
    language = draw(st.sampled_from(sorted(VOCABULARY)))
    now_ms, utterances = 0, []
    for _ in range(draw(st.integers(1, most))):
        words = []
        for text in draw(st.lists(st.sampled_from(VOCABULARY[language]), min_size=1, max_size=40)):
            start_ms = now_ms + draw(st.sampled_from([0, 0, 0, 40, 300, 2_000]))
            now_ms = start_ms + draw(st.sampled_from([0, 60, 200, 200, 400, 900, 9_000]))
            words.append(TimedWord(text, start_ms, now_ms))
        utterances.append(TimedText(words, language))
    return utterances


disordered = st.lists(
    st.builds(
        TimedText,
        st.lists(
            st.builds(
                TimedWord,
                st.text("aB'é.,!?— \n的日。，한กำ", max_size=12),
                st.integers(0, 60_000),
                st.integers(0, 60_000),
            ),
            max_size=30,
        ),
        st.sampled_from(["en", "zh", "th"]),
    ),
    max_size=4,
)
chosen_limits = st.builds(
    CueLimits,
    st.one_of(st.none(), st.integers(8, 60)),
    st.integers(1, 3),
    st.one_of(st.none(), st.floats(5, 30)),
    st.integers(0, 500),
)


def even(text: str, start_ms: int = 0, each_ms: int = 300, language: str = "en") -> TimedText:
    """Words that follow each other at an even pace."""
    words = text.split()
    timed = [TimedWord(f" {w}", start_ms + i * each_ms, start_ms + (i + 1) * each_ms) for i, w in enumerate(words)]
    return TimedText(timed, language)


def letters(text: str) -> str:
    return "".join(text.split())


def said(utterances: list[TimedText]) -> str:
    return letters("".join(word.text for utterance in utterances for word in utterance.words))


def shown(cues: list[Cue]) -> str:
    return letters("".join("".join(cue.lines) for cue in cues))


def check_limits(utterances: list[TimedText], cues: list[Cue], limits: CueLimits) -> None:
    assert shown(cues) == said(utterances)
    language = utterances[0].language if utterances else "en"
    for cue in cues:
        assert 1 <= len(cue.lines) <= limits.lines
        assert MIN_CUE_MS <= cue.end_ms - cue.start_ms <= MAX_CUE_MS
        for line in cue.lines:
            longest = limits.for_text("".join(cue.lines), language).line_length
            # A foreign word that is longer than a line of this script is alone in its line.
            assert len(line) <= longest or (" " not in line and len(line) <= 42)
    assert all(after.start_ms - before.end_ms >= limits.gap_ms for before, after in pairwise(cues))


@given(speech())
def test_transcripts_are_shown_completely_and_within_the_limits(utterances: list[TimedText]) -> None:
    check_limits(utterances, split_into_cues(utterances), CueLimits())


@given(speech(), chosen_limits)
def test_chosen_limits_are_kept(utterances: list[TimedText], limits: CueLimits) -> None:
    cues = split_into_cues(utterances, limits)
    assert shown(cues) == said(utterances)
    assert all(len(cue.lines) <= limits.lines for cue in cues)
    assert all(len(line) <= limits.line_length for cue in cues for line in cue.lines if limits.line_length)
    assert all(after.start_ms - before.end_ms >= limits.gap_ms for before, after in pairwise(cues))


@given(disordered)
def test_words_in_disorder_are_shown_completely_and_in_order(utterances: list[TimedText]) -> None:
    cues = split_into_cues(utterances)
    assert shown(cues) == said(utterances)
    assert all(MIN_CUE_MS <= cue.end_ms - cue.start_ms <= MAX_CUE_MS for cue in cues)
    assert all(after.start_ms - before.end_ms >= MIN_GAP_MS for before, after in pairwise(cues))


@given(speech())
def test_no_cue_begins_before_its_speech_or_stays_long_after_it(utterances: list[TimedText]) -> None:
    units = units_of(utterances, CueLimits())
    place = 0
    for cue in split_into_cues(utterances):
        start = place
        text = shown([cue])
        while letters("".join(unit.text for unit in units[start:place])) != text:
            place += 1
        assert cue.start_ms >= units[start].start_ms
        spoken_ms = max(units[place - 1].end_ms, cue.start_ms)
        assert cue.end_ms <= max(spoken_ms + LONGEST_LINGER_MS, cue.start_ms + MIN_CUE_MS)
        pauses = (after.start_ms - before.end_ms for before, after in pairwise(units[start:place]))
        assert max(pauses, default=0) <= MAX_PAUSE_MS


def test_recorded_speech_is_readable() -> None:
    """Words of 24 recordings of LibriSpeech (CC BY 4.0), as Whisper base recognized and timed them."""
    recorded = json.loads(Path(__file__).with_name("recorded_speech.json").read_text(encoding="utf-8"))
    utterances = [TimedText([TimedWord(*word) for word in words], "en") for words in recorded]
    cues = split_into_cues(utterances)
    check_limits(utterances, cues, CueLimits())
    speeds = [len(" ".join(cue.lines)) * 1000 / (cue.end_ms - cue.start_ms) for cue in cues]
    print(f"{len(cues)} cues, {sum(speed > 20 for speed in speeds)} over 20 and {sum(s > 17 for s in speeds)} over 17")
    assert sum(speed > 20.1 for speed in speeds) <= len(cues) * 0.05
    assert sum(speed > 17 for speed in speeds) <= len(cues) * 0.15
    assert not [line for cue in cues for line in cue.lines if line.split()[-1] in ("a", "an", "the", "of", "to", "and")]
    assert not [cue.lines for cue in cues if len(cue.lines) > 1 and min(len(line.split()) for line in cue.lines) < 2]


def test_a_long_utterance_breaks_where_a_sentence_ends() -> None:
    text = "We left the house at six in the morning. The road was empty and it had rained all night long before."
    first, second = split_into_cues([even(text)])
    assert " ".join(first.lines) == "We left the house at six in the morning."
    assert " ".join(second.lines) == "The road was empty and it had rained all night long before."


def test_without_punctuation_it_breaks_at_a_pause() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    words = even(text, each_ms=400).words
    late = [TimedWord(w.text, w.start_ms + 400, w.end_ms + 400) for w in words[10:]]
    first, second = split_into_cues([TimedText([*words[:10], *late], "en")])
    assert " ".join(first.lines).endswith("nine ten")
    assert second.start_ms == 4400


@pytest.mark.parametrize("each_ms", [300, 350, 500])
def test_no_line_ends_with_an_article_or_has_only_one_word(each_ms: int) -> None:
    text = (
        "for example you can create projects for a call centre using English in the United States and the Netherlands"
    )
    lines = [line.split() for cue in split_into_cues([even(text, each_ms=each_ms)]) for line in cue.lines]
    assert sum(map(len, lines)) == len(text.split())
    assert not {line[-1] for line in lines} & {"a", "for", "in", "the", "and"}
    assert min(map(len, lines)) > 1


def test_short_utterances_that_follow_each_other_are_shown_together() -> None:
    yes, no = TimedText([TimedWord("Yes.", 0, 200)], "en"), TimedText([TimedWord("No.", 300, 500)], "en")
    maybe = TimedText([TimedWord("Maybe.", 5000, 5100)], "en")
    assert split_into_cues([yes, no, maybe]) == [Cue(0, 1000, ("Yes. No.",)), Cue(5000, 5833, ("Maybe.",))]


def test_fast_speech_is_shown_together_with_the_pause_after_it() -> None:
    """Three sentences at 30 characters a second, each followed by a pause: one cue has the pauses to be read in."""
    sentences = ["Nobody was there, I am quite sure.", "We looked in every single room.", "Then we went home."]
    spoken = [
        TimedText([TimedWord(text, 2_500 * i, 2_500 * i + 30 * len(text))], "en") for i, text in enumerate(sentences)
    ]
    for cue in split_into_cues(spoken):
        assert sum(map(len, cue.lines)) * 1000 / (cue.end_ms - cue.start_ms) <= 20


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("th", "ผมเป็นนักเรียนที่มหาวิทยาลัยในกรุงเทพมหานครและผมชอบเรียนภาษาอังกฤษมาก"),
        ("lo", "ຂ້ອຍເປັນນັກຮຽນຢູ່ມະຫາວິທະຍາໄລແຫ່ງຊາດລາວແລະຂ້ອຍມັກຮຽນພາສາອັງກິດຫຼາຍ"),
        ("km", "ខ្ញុំជាសិស្សនៅសាកលវិទ្យាល័យភូមិន្ទភ្នំពេញហើយខ្ញុំចូលចិត្តរៀនភាសាអង់គ្លេស"),
        ("my", "ကျွန်တော်သည်ရန်ကုန်တက္ကသိုလ်မှကျောင်းသားတစ်ယောက်ဖြစ်ပြီးအင်္ဂလိပ်စာသင်ယူရတာကြိုက်ပါတယ်"),
        ("bo", "བོད་སྐད་ནི་བོད་པའི་སྐད་ཡིག་ཡིན་པས་ང་ཚོས་བོད་སྐད་སློབ་སྦྱོང་བྱེད་ཀྱི་ཡོད"),
        ("jv", "ꦲꦤꦕꦫꦏꦢꦠꦱꦮꦭꦥꦝꦗꦪꦚꦩꦒꦧꦛꦔ" * 3),
    ],
)
def test_scripts_without_spaces_have_cues_of_two_lines_for_all_of_their_time(language: str, sentence: str) -> None:
    text, length_ms = sentence * 3, 24_000
    cues = split_into_cues([TimedText([TimedWord(text, 0, length_ms)], language)])
    assert shown(cues) == text
    assert all(len(line) <= 42 for cue in cues for line in cue.lines)
    assert cues[0].start_ms == 0
    assert cues[-1].end_ms >= length_ms
    assert all(after.start_ms - before.end_ms <= 500 for before, after in pairwise(cues))


def test_chinese_breaks_between_words_and_never_before_punctuation() -> None:
    text = "他的做法遭到了很多人的反对，因为他们认为这样做不公平，也不合理，所以大家决定明天再讨论一次这个问题。"
    cues = split_into_cues([TimedText([TimedWord(text, 0, 14_000)], "zh")])
    assert shown(cues) == text
    assert all(line[0] not in "，。" and len(line) <= 16 for cue in cues for line in cue.lines)
    assert all(cue.lines[-1][-1] in "，。" for cue in cues)


def test_no_speech_has_no_cues() -> None:
    assert split_into_cues([]) == split_into_cues([TimedText([], "en")]) == []
