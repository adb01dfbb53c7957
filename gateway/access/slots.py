"""Work that is shared out fairly: a few pieces at a time, and fewer of one owner."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class HeldSlot:
    """A slot while it is held. For `rest_s` seconds after the work, its owner begins no more. Others may."""

    rest_s: float = 0.0


class FairSlots:
    """At most `slots` at a time, and `each` of one owner. Others wait: slow work of one owner delays few others."""

    def __init__(self, slots: int, each: int) -> None:
        self._slots, self._each = asyncio.Semaphore(slots), each
        self._own: dict[str, asyncio.Semaphore] = {}
        # Slots that each owner holds or awaits.
        self.counts: Counter[str] = Counter()

    @asynccontextmanager
    async def slot(self, owner: str) -> AsyncIterator[HeldSlot]:
        """Wait for a slot, and hold it until the end of the block, which lasts until the end of the owner's rest."""
        own, held = self._own.setdefault(owner, asyncio.Semaphore(self._each)), HeldSlot()
        try:
            with counted(self.counts, owner):
                async with own:
                    try:
                        async with self._slots:
                            yield held
                    finally:
                        await _rest(held.rest_s)
        finally:
            if owner not in self.counts:
                del self._own[owner]


async def _rest(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)


@contextmanager
def counted(counts: Counter[str], owner: str) -> Iterator[None]:
    """Count one more of an owner while the context is active. Owners without any are removed."""
    counts[owner] += 1
    try:
        yield
    finally:
        counts[owner] -= 1
        if not counts[owner]:
            del counts[owner]
