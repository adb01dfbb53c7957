"""One room on one gateway: its captions reach all readers, and their languages reach the gateway of the speaker."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import structlog

from backend.errors import ClientError
from backend.messages.jobs import ChannelMessage, cursor_position
from backend.messages.rooms.captions import Caption
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.rooms.rooms import MAX_CAPTIONS, RENEW_EVERY_S, RedisRooms
from backend.streams.session.fanout import Fanout, Listener
from gateway import metrics
from gateway.connection.delay_watch import RedisUnavailableError
from gateway.rooms.access_watch import AccessWatch
from gateway.rooms.languages import SPOKEN, written_language
from gateway.rooms.lines.coalescing import without_superseded
from gateway.rooms.lines.corrections import with_correction
from gateway.rooms.lines.frames import CaptionFrame
from gateway.rooms.lines.held import HeldCaptions
from gateway.rooms.lines.views import LanguageView, replay
from gateway.rooms.reader import RoomReader
from gateway.rooms.reading import Reading

# Languages in which one room is read.
MAX_READ_LANGUAGES = 8
# Seconds for the log to be read before the first reader is refused.
READY_TIMEOUT_S = 5.0
# Interval at which the feed looks for lost messages while none arrives.
GAP_CHECK_S = 1.0
# Interval at which releases are looked for in a room whose lines are held, and the least wait for a line to be due.
HOLD_CHECK_S, MIN_WAIT_S = 0.25, 0.01
# Readers to which a frame is written before other work of the gateway has a turn: about a millisecond.
READERS_A_TURN = 100

log = structlog.get_logger()


class TooManyLanguagesError(ClientError):
    """The room is read in as many languages as it may be."""

    code = "too_many_languages"

    def __init__(self) -> None:
        super().__init__(f"this room is read in {MAX_READ_LANGUAGES} languages, and no more are allowed")


class RoomFeed:
    """The readers of a room on this gateway."""

    def __init__(
        self,
        room: str,
        rooms: RedisRooms,
        watch: AccessWatch,
        fanout: Fanout,
        is_draining: Callable[[], bool],
        *,
        sees_held: bool = False,
    ) -> None:
        """`sees_held`: whether its readers see captions that wait for a moderator."""
        self._room, self._rooms, self._watch, self._fanout = room, rooms, watch, fanout
        self._is_draining = is_draining
        self._readers: dict[str, set[RoomReader]] = defaultdict(set)
        self._views: dict[str, LanguageView] = {}
        self._history: deque[tuple[str, Caption]] = deque(maxlen=MAX_CAPTIONS)
        # Of the last caption that was received.
        self._cursor = "0-0"
        self._held, self._sees_held = HeldCaptions(), sees_held
        # Lead of the clock of Redis over that of the event loop.
        self._clock_ms = 0.0
        self._ready = asyncio.Event()
        # Readers that are about to join keep the feed, too.
        self._joining = 0
        # Set when the last reader has left. Later readers need another feed.
        self.is_closing = False

    @property
    def is_read(self) -> bool:
        """Whether the feed has readers."""
        return bool(self._joining or any(self._readers.values()))

    async def join(self, reading: Reading) -> tuple[RoomReader, str]:
        """A new reader, with what it has missed, and the language of its captions.

        Raises TooManyLanguagesError, and RedisUnavailableError if the log cannot be read.
        """
        self._joining += 1
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self._ready.wait()
                language = await self._open_language(reading.language)
        except (TimeoutError, *REDIS_ERRORS):
            raise RedisUnavailableError from None
        finally:
            self._joining -= 1
        reader, view = RoomReader(reading.link, reading.key), self._view(language)
        reader.begin_with(view.after(reading.cursor) if reading.cursor else view.last_lines(reading.lines))
        self._readers[language].add(reader)
        return reader, language

    def leave(self, reader: RoomReader, language: str) -> None:
        """Remove a reader."""
        self._readers[language].discard(reader)
        if not self._readers[language]:
            self._readers.pop(language)
            self._views.pop(language, None)

    def close(self) -> None:
        """Disconnect the readers: the feed has failed, or no reader is left."""
        self._end_all("unavailable")

    async def run(self) -> None:
        """Deliver captions until the room has no readers on this gateway."""
        async with self._fanout.listen(self._rooms.channel(self._room)) as listener:
            await retry_until_available(self._read_hold)
            await retry_until_available(self._read_log)
            self._ready.set()
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._receive(listener)), tasks.create_task(self._follow_hold())]
                await self._watch_readers()
                for task in background:
                    task.cancel()

    async def _receive(self, listener: Listener) -> None:
        while True:
            messages: list[ChannelMessage] = []
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s()):
                    messages = await listener.next_events()
            if listener.gap.is_set():
                listener.gap.clear()
                await retry_until_available(self._read_log)
            else:
                for message in without_superseded(messages):
                    await self._accept(message)
            await self._deliver_due()

    def _wait_s(self) -> float:
        held_s = self._held.wait_s(self._now_ms())
        return GAP_CHECK_S if held_s is None else min(max(held_s, MIN_WAIT_S), HOLD_CHECK_S)

    async def _read_log(self) -> None:
        async for message in self._rooms.read_log(self._room, self._cursor):
            await self._accept(message)
        await self._deliver_due()

    async def _follow_hold(self) -> None:
        while not self._sees_held:
            await asyncio.sleep(HOLD_CHECK_S if self._held.hold.hold_ms else RENEW_EVERY_S)
            with suppress(*REDIS_ERRORS):  # meanwhile the hold stays as it was
                await self._read_hold()

    async def _read_hold(self) -> None:
        if not self._sees_held:
            self._held.hold = await self._rooms.hold(self._room)
            self._clock_ms = self._held.hold.now_ms - 1_000 * asyncio.get_running_loop().time()

    def _now_ms(self) -> float:
        return self._clock_ms + 1_000 * asyncio.get_running_loop().time()

    async def _accept(self, message: ChannelMessage) -> None:
        """Take a caption of the room, once. Readers get it when it is due."""
        if message.cursor:
            if cursor_position(message.cursor) <= cursor_position(self._cursor):
                return
            self._cursor = message.cursor
        for at_once in self._held.accept(message):
            await self._deliver(at_once)
        await self._deliver_due()

    async def _deliver_due(self) -> None:
        for message in self._held.due(self._now_ms()):
            await self._deliver(message)

    async def _deliver(self, message: ChannelMessage) -> None:
        for frame, readers in self._apply(message):
            metrics.ROOM_CAPTIONS.inc(len(readers))
            for first in range(0, len(readers), READERS_A_TURN):
                for reader in readers[first : first + READERS_A_TURN]:
                    reader.offer(frame)
                await asyncio.sleep(0)

    def _apply(self, message: ChannelMessage) -> list[tuple[CaptionFrame, list[RoomReader]]]:
        """The frames for a caption, with the readers that have the views."""
        caption, cursor = message.event, message.cursor
        if not isinstance(caption, Caption):
            return []
        if cursor:
            self._remember(cursor, caption)
        frames = [(view.apply(caption, cursor), self._readers[language]) for language, view in self._views.items()]
        return [(frame, list(readers)) for frame, readers in frames if frame]

    def _remember(self, cursor: str, caption: Caption) -> None:
        if caption.is_correction:
            corrected = [(at, with_correction(earlier, caption)) for at, earlier in self._history]
            self._history.clear()
            self._history.extend(corrected)
        self._history.append((cursor, caption))

    async def _watch_readers(self) -> None:
        """Renew the languages, and disconnect readers whose access has ended, until there are no readers."""
        while True:
            with suppress(*REDIS_ERRORS):
                await self._rooms.renew_languages(self._room, self._languages())
                await self._watch.end_readers(self._room, self._all_readers())
            if self._is_draining():
                self._end_all("draining")
            for reader in self._all_readers():
                reader.end_if_stalled(asyncio.get_running_loop().time())
            await asyncio.sleep(RENEW_EVERY_S)
            if not self.is_read:
                self.is_closing = True
                return

    def _end_all(self, reason: str) -> None:
        for reader in self._all_readers():
            reader.end(reason)

    def _all_readers(self) -> Iterator[RoomReader]:
        return (reader for readers in self._readers.values() for reader in readers)

    def _languages(self) -> list[str]:
        return [language for language, readers in self._readers.items() if readers and language != SPOKEN]

    async def _open_language(self, language: str) -> str:
        """The code under which the room is read in this language, possibly on another gateway."""
        if language == SPOKEN or self._readers.get(language):
            return language
        read = {*await self._rooms.languages(self._room), *self._languages()}
        wanted = written_language(language)
        language = next((code for code in sorted(read) if written_language(code) == wanted), language)
        if language not in read and len(read) >= MAX_READ_LANGUAGES:
            raise TooManyLanguagesError
        await self._rooms.renew_languages(self._room, [language])
        return language

    def _view(self, language: str) -> LanguageView:
        if language not in self._views:
            self._views[language] = replay(LanguageView(language), self._history)
        return self._views[language]
