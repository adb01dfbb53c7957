import asyncio
import time
from itertools import count
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gateway.http.turns import MAX_PAUSE_S, QUIET_TURNS, RequestTurns, Turns


async def test_one_caller_continues_in_each_turn_of_the_event_loop() -> None:
    turns, turn, passed = Turns(), 0, list[tuple[int, int]]()

    async def caller(number: int) -> None:
        await turns.wait()
        passed.append((number, turn))

    callers = [asyncio.create_task(caller(number)) for number in range(20)]
    for _ in count():
        if all(task.done() for task in callers):
            break
        turn += 1
        await asyncio.sleep(0)
    assert [number for number, _ in passed] == list(range(20)), "first come, first served"
    assert len({at for _, at in passed}) == 20


async def recording(turns: Turns) -> None:
    """Work that holds the event loop for 50 ms, in turns."""
    took_s = 0.0
    for _ in range(5):
        await turns.wait(took_s)
        time.sleep(0.01)  # noqa: ASYNC251
        took_s = 0.01


async def test_as_much_time_as_a_turn_took_belongs_to_others_that_have_work() -> None:
    turns, others = Turns(), 0

    async def other() -> None:
        nonlocal others
        while True:
            time.sleep(0.001)  # noqa: ASYNC251 - work of live sessions
            others += 1
            await asyncio.sleep(0)

    busy = asyncio.create_task(other())
    await asyncio.gather(recording(turns), recording(turns))
    busy.cancel()
    # A sleep of a millisecond takes longer on a busy machine.
    assert others >= 6 * 10, "a millisecond each, and 10 ms between two turns"


async def test_no_time_is_lost_if_others_have_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, sleep, rested = Turns(), asyncio.sleep, list[int]()

    async def counted(seconds: float) -> None:
        rested[-1] += 1
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", counted)
    for _ in range(51):
        rested.append(0)
        await turns.wait(MAX_PAUSE_S)
    # Some turns are longer on a busy machine.
    assert sorted(rested)[25] == 1 + QUIET_TURNS


async def test_the_lowest_excess_is_first_and_cancelled_callers_are_passed_over() -> None:
    turns, passed = Turns(), list[float]()

    async def caller(excess: float) -> None:
        await turns.wait(excess=excess)
        passed.append(excess)

    callers = [asyncio.create_task(caller(excess)) for excess in (0.0, 500.0, 3.0, 1.0, 2.0, 0.5)]
    await asyncio.sleep(0)
    callers[3].cancel()
    await asyncio.wait(callers)
    assert passed == [0.0, 0.5, 2.0, 3.0, 500.0]


@pytest.mark.parametrize("turn_of_event_loop", range(6))
async def test_a_caller_that_is_cancelled_at_any_time_does_not_stop_the_others(turn_of_event_loop: int) -> None:
    turns, passed = Turns(), list[int]()

    async def caller(number: int) -> None:
        await turns.wait()
        passed.append(number)

    callers = [asyncio.create_task(caller(number)) for number in range(3)]
    for _ in range(turn_of_event_loop):
        await asyncio.sleep(0)
    callers[1].cancel()
    await asyncio.wait(callers)
    async with asyncio.timeout(1):
        await turns.wait()
    assert {0, 2} <= set(passed)


async def test_a_turn_that_waited_for_something_else_costs_little() -> None:
    turns, began = Turns(), time.monotonic()
    await turns.wait(3_600)
    assert time.monotonic() - began < 10 * MAX_PAUSE_S


async def test_requests_and_handshakes_wait_for_their_turn_but_the_lifespan_does_not() -> None:
    turns, served = Turns(), list[str]()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope["type"])

    async def receive() -> dict[str, Any]:
        return {}

    async def send(_: Any) -> None: ...

    middleware = RequestTurns(application, turns)
    waiting = [asyncio.create_task(middleware({"type": kind}, receive, send)) for kind in ("http", "websocket")]
    await asyncio.sleep(0)
    await middleware({"type": "lifespan"}, receive, send)
    assert served == ["lifespan"]
    await asyncio.gather(*waiting)
    assert served == ["lifespan", "http", "websocket"]
