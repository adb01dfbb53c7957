"""Order in which recordings are opened.

FFmpeg tries all formats and reads until it knows the tracks. With bytes that have no format, or with millions of empty
boxes, this keeps a core busy for seconds.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.cli.files.media.errors import MediaError
from gateway.access.pending import TooManyConnectionsError
from gateway.access.slots import FairSlots

# Files that are opened at a time. Each keeps a thread busy.
SLOTS = 2
# Files of an address that may wait. They are on disk.
MAX_WAITING = 32
# Time to find the tracks of a file. It takes milliseconds, but hostile files can make it take minutes.
OPEN_TIMEOUT_S = 5.0
# After a file that cannot be read, its address opens no other for this multiple of the time that it took, so that files
# without a format use at most a fifth of a core for each address. The limit is for files that a slow disk delays.
REST = 4.0
MAX_REST_S = REST * OPEN_TIMEOUT_S


class OpeningTurns:
    """A few files at a time, and one of each address: slow files of one client delay no others for long."""

    def __init__(self) -> None:
        self._slots = FairSlots(SLOTS, each=1)

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait until a file of this address may be opened. The turn lasts until the end of the block.

        If that raises MediaError, the address rests. Raises TooManyConnectionsError.
        """
        if self._slots.counts[address] > MAX_WAITING:
            raise TooManyConnectionsError("too many recordings of this address wait to be opened; try again later")
        async with self._slots.slot(address) as slot:
            began = time.monotonic()
            try:
                yield
            except MediaError:
                slot.rest_s = min(MAX_REST_S, REST * (time.monotonic() - began))
                raise
