"""The search for the number of sessions that a system can serve. Does no I/O itself."""

from collections.abc import Awaitable, Callable

from backend.load.score import Score

MAX_SESSIONS = 10_000
# The search stops when the answer is at most 1/20 (5 %) below the limit.
PRECISION = 20


async def find_capacity(holds: Callable[[int], Awaitable[bool]], first: int = 1) -> int:
    """Return the largest number of sessions for which `holds` is true, or 0.

    Tries `first`, doubles until a step fails, and then bisects between the last that held and the first that failed.
    """
    good, bad = 0, max(1, first)
    while bad <= MAX_SESSIONS and await holds(bad):
        good, bad = bad, 2 * bad
    while bad <= MAX_SESSIONS and bad - good > max(1, good // PRECISION):
        middle = (good + bad) // 2
        good, bad = (middle, bad) if await holds(middle) else (good, middle)
    return good


def objections(score: Score, p95_s: float) -> list[str]:
    """Return the reasons why a step does not hold. Empty when it holds."""
    p95 = score.final_s.p95 if score.final_s else None
    objections = [
        *(f"{count} refused ({code})" for code, count in score.refused.items()),
        *(f"{count} errors ({code})" for code, count in score.errors.items()),
    ]
    if score.missing:
        objections.append(f"{len(score.missing)} finals missing")
    if p95 is None:
        objections.append("no final in the measured time")
    elif p95 > p95_s:
        objections.append(f"p95 is {p95:.2f} s")
    if score.late and score.lag_s:
        objections.append(f"the load generator was late by {1000 * score.lag_s.p99:.0f} ms")
    return objections
