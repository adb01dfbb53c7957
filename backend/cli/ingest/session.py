"""Streams a source to a system as a live session, and shows the captions."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from backend.cli.ingest.output import CaptionOutput
from backend.cli.ingest.reader import LiveSource, SourceEnded, SourceItem, SourceLost
from backend.client.client import Client, DisconnectedError, ServerError
from backend.errors import leaf_errors
from backend.local.discovery import Server, open_session, print_status
from backend.messages.jobs import BYTES_PER_SECOND
from backend.messages.protocol import Finalize, Start

# A server ends a session after GATEWAY_MAX_SESSION_S, 12 hours by default. The next one continues its times.
_TOO_LONG = "session_too_long"


class SourceSession:
    """Sends one source, in as many sessions as it needs. `error` says why the source ended early."""

    def __init__(self, source: LiveSource, output: CaptionOutput) -> None:
        self.error: Exception | None = None
        self._source, self._output = source, output
        self._sent_bytes, self._utterance = 0, 0
        self._ended = False

    async def run(self, server: Server, start: Start) -> None:
        """Run until the source ends and the last final has arrived. Raises what the client raises."""
        while not self._ended:
            position_ms = self._sent_bytes * 1000 // BYTES_PER_SECOND
            begin = {"audio_from_ms": position_ms, "utterance": self._utterance}
            try:
                await self._run_session(server, start.model_copy(update=begin))
            except* ServerError as failed:
                if leaf_errors(failed)[0].code != _TOO_LONG:
                    raise
                print_status("the session has reached the longest time that the server allows; a new one continues")

    async def _run_session(self, server: Server, start: Start) -> None:
        async with open_session(server, start) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send(client))
            async for event in client:
                self._utterance = max(self._utterance, getattr(event, "utterance", None) or 0)
                self._output.apply_event(event)

    async def _send(self, client: Client) -> None:
        """Send the source. If the session has ended, the task that reads events reports why."""
        with contextlib.suppress(DisconnectedError):
            async for item in self._items():
                if isinstance(item, bytes):
                    self._sent_bytes += len(item)
                    await client.send(item)
                elif isinstance(item, SourceLost):
                    # The words before an outage get their text at once.
                    await client.send_message(Finalize())
            await client.stop()

    async def _items(self) -> AsyncIterator[SourceItem]:
        while not isinstance(item := await self._source.next(), SourceEnded):
            self._output.apply_item(item)
            yield item
        self._ended, self.error = True, item.error
