"""The parser of WebSocket frames, which reports its errors in the client's protocol."""

from collections.abc import Callable, Sequence

from websockets.protocol import State
from websockets.server import ServerProtocol

from backend.messages.protocol import Error
from gateway.connection.codec import Codec, Frame, NativeCodec

ErrorFrames = Callable[[Error], Sequence[Frame]]


class AnnouncedServerProtocol(ServerProtocol):
    """Sends errors in the client's protocol before the close frame, also if a frame is too large."""

    frame_limit = 0
    codec: Codec = NativeCodec()
    error_frames: ErrorFrames = staticmethod(NativeCodec().encode)

    def announce(self, close_code: int, code: str, message: str) -> None:
        """Send a fatal error and a close frame."""
        for frame in self.error_frames(Error(code=code, message=message, fatal=True)):
            if isinstance(frame, bytes):
                self.send_binary(frame)
            else:
                self.send_text(frame.encode())
        super().fail(*self.codec.close_frame(close_code, code))

    def fail(self, code: int, reason: str = "") -> None:
        if code == 1009 and self.state is State.OPEN:
            self.announce(code, "frame_too_large", f"a frame may have at most {self.frame_limit} bytes")
        else:
            super().fail(code, reason)
