"""The lines of a room on one clock."""

from backend.cli.files.subtitles.formats import to_vtt
from gateway.apis.captions.timed_captions import as_cues, as_text, lines_in
from tests.unit.gateway.apis.captions.log import EPOCH_MS, spoken, translated

LOG = [
    spoken(1, "Good morning.", 2_500, translate_to=("es",), speaker="Anna"),
    translated(1, "Buenos días.", 3_200),
    spoken(2, "Bon <b>.", 9_000, language="fr"),
    # A session that began later counts from its own beginning.
    spoken(3, "Thanks.", 15_000, 1_000),
]


def test_a_line_ends_when_its_final_was_logged_and_is_as_long_as_its_utterance() -> None:
    times = [(line.text, line.start_ms - EPOCH_MS, line.end_ms - EPOCH_MS) for line in lines_in("", LOG)]
    assert times == [("Good morning.", 500, 2_500), ("Bon <b>.", 7_000, 9_000), ("Thanks.", 14_000, 15_000)]


def test_a_translation_has_the_time_and_the_speaker_of_what_was_spoken() -> None:
    first = lines_in("es", LOG)[0]
    assert (first.text, first.speaker, first.language) == ("Buenos días.", "Anna", "es")
    assert (first.start_ms - EPOCH_MS, first.end_ms - EPOCH_MS, first.logged_ms - EPOCH_MS) == (500, 2_500, 3_200)
    assert [line.language for line in lines_in("es", LOG)] == ["es", "fr", "en"], "the others are as they were spoken"


def test_a_corrected_line_keeps_its_time_and_a_removed_one_is_missing() -> None:
    lines = lines_in("", [*LOG, spoken(1, "Good evening.", 60_000), spoken(2, "", 61_000)])
    assert [(line.text, line.end_ms - EPOCH_MS) for line in lines] == [("Good evening.", 2_500), ("Thanks.", 15_000)]


def test_a_file_has_the_lines_of_the_room_from_its_beginning() -> None:
    assert to_vtt(as_cues(lines_in("", LOG), EPOCH_MS + 1_000)) == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:02.500\n<v Anna>Good morning.</v>\n"
        "\n00:00:06.000 --> 00:00:08.500\nBon &lt;b&gt;.\n"
        "\n00:00:13.000 --> 00:00:14.500\nThanks.\n"
    )


def test_lines_before_the_beginning_are_left_out() -> None:
    assert [cue.lines for cue in as_cues(lines_in("", LOG), EPOCH_MS + 10_000)] == [("Thanks.",)]
    assert as_cues([], 0) == []


def test_a_line_of_text_names_the_speaker() -> None:
    lines = lines_in("", [*LOG, spoken(4, "two\nlines", 20_000)])
    assert [as_text(line) for line in lines] == ["Anna: Good morning.\n", "Bon <b>.\n", "Thanks.\n", "two lines\n"]


def test_a_line_that_a_moderator_has_corrected_keeps_its_time() -> None:
    correction = {"is_correction": True, "corrected": True, "start_ms": None, "end_ms": None}
    lines = lines_in("", [*LOG, spoken(1, "Good evening.", 60_000, **correction)])
    assert (lines[0].text, lines[0].end_ms - EPOCH_MS) == ("Good evening.", 2_500)
    removed = lines_in("", [*LOG, spoken(1, "", 60_000, **{**correction, "language": ""})])
    assert [line.text for line in removed] == ["Bon <b>.", "Thanks."]
