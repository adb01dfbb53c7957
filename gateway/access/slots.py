"""Work that is shared out fairly: a few pieces at a time, and fewer of one owner."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class FairSlots:
    """At most `slots` at a time, and `each` of one owner. Others wait: slow work of one owner delays few others."""

    def __init__(self, slots: int, each: int) -> None:
        self._slots, self._each = asyncio.Semaphore(slots), each
        self._own: dict[str, asyncio.Semaphore] = {}
        # Slots that each owner holds or awaits.
        self.counts: Counter[str] = Counter()

    @asynccontextmanager
    async def slot(self, owner: str) -> AsyncIterator[None]:
        """Wait for a slot, and hold it until the end of the block."""
        own = self._own.setdefault(owner, asyncio.Semaphore(self._each))
        try:
            with counted(self.counts, owner):
                async with own, self._slots:
                    yield
        finally:
            if owner not in self.counts:
                del self._own[owner]


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
