"""The frames of one AudioSocket connection, and silence to Asterisk while its own audio pauses."""

import asyncio
from contextlib import suppress

from gateway.apis.audiosocket.codec import HEADER_BYTES, RATES, to_frame
from gateway.settings import GatewaySettings
from gateway.tcp.pace import ReadPace
from gateway.tcp.stream_socket import StreamSocket

# Asterisk ends a call after 2 s in which neither side has sent anything (MAX_WAIT_TIMEOUT_MSEC in
# apps/app_audiosocket.c). Telephones may send nothing while their user is silent.
FILL_AFTER_S = 0.5
# Seconds of silence in one frame.
FRAME_S = 0.02
SLIN8 = 0x10


class AudioSocketFrames:
    """Reads frames, not faster than the limits allow."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._pace = ReadPace(settings)
        self._now = asyncio.get_running_loop().time
        # When the last frame arrived, or was sent in its place. None before the first one.
        self._last: float | None = None
        # The kind of audio that Asterisk sends.
        self._kind = SLIN8

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next frame. Raises ProtocolError, and IncompleteReadError at the end of the stream."""
        header = await reader.readexactly(HEADER_BYTES)
        frame = header + await reader.readexactly(int.from_bytes(header[1:], "big"))
        self._last = self._now()
        self._kind = header[0] if header[0] in RATES else self._kind
        await self._pace.wait(len(frame))
        return frame

    async def fill_pauses(self, stream: StreamSocket) -> None:
        """Send silence whenever no frame has arrived for a while, until cancelled or the connection has ended."""
        with suppress(OSError):  # the call has ended, but its results are still to be delivered
            while not stream.is_closed:
                await asyncio.sleep(self._wait_s())
                if self._wait_s() <= 0 and not stream.is_closed:
                    self._last = self._now()
                    await stream.send_bytes(silent_frame(self._kind))

    def _wait_s(self) -> float:
        return FILL_AFTER_S if self._last is None else self._last + FILL_AFTER_S - self._now()


def silent_frame(kind: int) -> bytes:
    """A frame of this kind of audio without sound."""
    return to_frame(kind, bytes(2 * round(RATES[kind] * FRAME_S)))
