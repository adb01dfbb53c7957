"""How many sessions a system holds. Pure but for what it is given to try."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from backend.load.score import Score

MOST = 10_000
"""Sessions; more are not tried."""
PRECISION = 20
"""The answer may be too small by one in so many."""


async def capacity(holds: Callable[[int], Awaitable[bool]], first: int = 1) -> int:
    """The most sessions that hold; 0 when one is too many.

    Tries `first`, doubles until a step fails, and halves what is between the last that held and the first that failed.
    """
    good, bad = 0, max(1, first)
    while bad <= MOST and await holds(bad):
        good, bad = bad, 2 * bad
    while bad <= MOST and bad - good > max(1, good // PRECISION):
        middle = (good + bad) // 2
        good, bad = (middle, bad) if await holds(middle) else (good, middle)
    return good


def objections(score: Score, p95_s: float) -> list[str]:
    """Why a step does not hold, in words; nothing when it does."""
    p95 = score.final_s.p95 if score.final_s else None
    objections = [
        *(f"{count} refused ({code})" for code, count in score.refused.items()),
        *(f"{count} times {code}" for code, count in score.errors.items()),
    ]
    if score.missing:
        objections.append(f"{len(score.missing)} finals missing")
    if p95 is None:
        objections.append("no final came in the time that counts")
    elif p95 > p95_s:
        objections.append(f"p95 is {p95:.2f} s")
    if score.late and score.lag_s:
        objections.append(f"the generator is late itself, by {1000 * score.lag_s.p99:.0f} ms")
    return objections
