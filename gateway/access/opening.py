"""Order in which recordings are opened.

FFmpeg tries all formats and reads until it knows the tracks. With bytes that have no format, or with millions of empty
boxes, this keeps a core busy for seconds.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.access.pending import TooManyConnectionsError
from gateway.access.slots import FairSlots

# Files that are opened at a time. Each keeps a thread busy.
SLOTS = 2
# Files of an address that may wait. They are on disk.
MAX_WAITING = 32


class OpeningTurns:
    """A few files at a time, and one of each address: slow files of one client delay no others for long."""

    def __init__(self) -> None:
        self._slots = FairSlots(SLOTS, each=1)

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait until a file of this address may be opened. The turn lasts until the end of the block.

        Raises TooManyConnectionsError.
        """
        if self._slots.counts[address] > MAX_WAITING:
            raise TooManyConnectionsError("too many recordings of this address wait to be opened; try again later")
        async with self._slots.slot(address):
            yield
