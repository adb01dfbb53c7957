"""The search, on probabilities that are written down. See test_recognizer.py for when these tests run."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")

from stt_worker.recognizers.pytorch.search import Search, SearchLimits, search  # noqa: E402

END, A, B, C = range(4)
Odds = Mapping[tuple[int, ...], Sequence[float]]
# The odds of END, A, B and C after each text; uniform after others.
CERTAIN: Odds = {
    (): (0.001, 0.99, 0.005, 0.004),
    (A,): (0.001, 0.004, 0.99, 0.005),
    (A, B): (0.001, 0.004, 0.005, 0.99),
    (A, B, C): (0.99, 0.004, 0.003, 0.003),
}
MISLEADING: Odds = {(): (0.01, 0.5, 0.48, 0.01), (A,): (0.4, 0.2, 0.2, 0.2), (B,): (0.97, 0.01, 0.01, 0.01)}


def found(odds: Odds, searches: list[Search], *, length: int = 8, temperature: float = 0.0) -> list[Search]:
    """Run searches, and follow the texts of their beams as the decoder's cache does."""
    beams = searches[0].beams
    texts: list[tuple[int, ...]] = [()] * (beams * len(searches))

    def logits(rows: Sequence[tuple[int, ...]]) -> Any:
        return torch.tensor([[math.log(p) for p in odds.get(text, (0.25,) * 4)] for text in rows])

    def step(tokens: Any, rows: Any) -> Any:
        texts[:] = [(*texts[row], token) for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)]
        return logits(texts)

    nothing = torch.zeros(4)
    search(step, logits(texts), searches, SearchLimits(END, length, nothing, nothing), temperature)
    return searches


def test_one_beam_takes_the_most_probable_token_each_time() -> None:
    (one,) = found(MISLEADING, [Search((), 1)])
    total, text = one.best
    assert text == [A]
    assert total == pytest.approx(math.log(0.5 * 0.4), abs=1e-5)


def test_more_beams_find_a_better_text() -> None:
    (one,) = found(MISLEADING, [Search((), 3)])
    total, text = one.best
    assert text == [B]
    assert total == pytest.approx(math.log(0.48 * 0.97), abs=1e-5)


@pytest.mark.parametrize("beams", [1, 2, 3, 5])
def test_early_ends_of_improbable_texts_do_not_end_the_search(beams: int) -> None:
    (one,) = found(CERTAIN, [Search((), beams)])
    total, text = one.best
    assert text == [A, B, C]
    assert total == pytest.approx(4 * math.log(0.99), abs=1e-5)


def test_texts_of_one_batch_begin_with_their_own_tokens() -> None:
    free, forced, longer = found(CERTAIN, [Search((), 2), Search((A,), 2), Search((A, B, C), 2)])
    assert [one.best[1] for one in (free, forced, longer)] == [[A, B, C]] * 3
    assert forced.best[0] == pytest.approx(3 * math.log(0.99), abs=1e-5), "forced tokens have no probability"


def test_a_text_that_does_not_end_is_cut() -> None:
    (one,) = found(CERTAIN, [Search((), 2)], length=2)
    assert one.best[1] == [A, B]


def test_sampling_returns_the_most_probable_of_the_drawn_texts() -> None:
    torch.manual_seed(1)
    (one,) = found(CERTAIN, [Search((), 3)], temperature=0.4)
    assert len(one.found) == 3
    assert one.best[1] == [A, B, C]
