import asyncio
import time
from itertools import count
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gateway.http.turns import MAX_PAUSE_S, RequestTurns, Turns


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


async def test_as_much_time_as_a_turn_took_belongs_to_others() -> None:
    turns, began, others_s = Turns(), time.monotonic(), 0.0

    async def recording() -> None:
        took_s = 0.0
        for _ in range(5):
            await turns.wait(took_s)
            time.sleep(0.01)  # noqa: ASYNC251 - work that holds the event loop
            took_s = 0.01

    await asyncio.gather(recording(), recording())
    others_s = time.monotonic() - began - 10 * 0.01
    assert others_s >= 8 * 0.01


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
