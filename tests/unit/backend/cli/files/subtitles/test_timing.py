"""When each cue is shown."""

from backend.cli.files.subtitles.limits import LINGER_MS, LONGEST_LINGER_MS, MAX_CUE_MS, MIN_CUE_MS, CueLimits
from backend.cli.files.subtitles.timing import cue_times
from backend.cli.files.subtitles.units import TimedText, TimedWord, Unit, units_of

GAP_MS = 84


def cue(text: str, start_ms: int, end_ms: int) -> list[Unit]:
    return units_of([TimedText([TimedWord(text, start_ms, end_ms)], "en")], CueLimits())


def test_a_cue_stays_after_its_speech_up_to_the_next_one() -> None:
    assert cue_times([cue("Good evening.", 0, 1500), cue("Good night.", 5000, 6500)], GAP_MS) == [
        (0, 1500 + LINGER_MS),
        (5000, 6500 + LINGER_MS),
    ]
    assert cue_times([cue("Good evening.", 0, 1500), cue("Good night.", 1600, 3500)], GAP_MS)[0] == (0, 1600 - GAP_MS)


def test_a_cue_stays_longer_if_viewers_need_that_to_read_it() -> None:
    assert cue_times([cue("x" * 40, 0, 1000)], GAP_MS) == [(0, 2353)]
    assert cue_times([cue("x" * 40, 0, 300)], GAP_MS) == [(0, 300 + LONGEST_LINGER_MS)]


def test_no_cue_is_shorter_or_longer_than_the_limits() -> None:
    assert cue_times([cue("Yes.", 0, 100), cue("No.", 200, 300), cue("So", 400, 30_000)], GAP_MS) == [
        (0, MIN_CUE_MS),
        (MIN_CUE_MS + GAP_MS, 2 * MIN_CUE_MS + GAP_MS),
        (2 * (MIN_CUE_MS + GAP_MS), 2 * (MIN_CUE_MS + GAP_MS) + MAX_CUE_MS),
    ]


def test_a_cue_that_needs_less_time_begins_later_for_the_one_before_it() -> None:
    fast, slow = cue("x" * 40, 0, 1600), cue("Well.", 1600, 4000)
    assert cue_times([fast, slow], GAP_MS) == [(0, 2000), (2000 + GAP_MS, 4500)]
    # It does not begin later than the cue before it would end if it were alone.
    faster = cue("x" * 42, 0, 1000)
    assert cue_times([faster, cue("Well.", 1000, 4000)], GAP_MS)[0] == (0, 1000 + LINGER_MS)
