"""A call through the native protocol, for comparison."""

from collections.abc import AsyncIterator, Sequence

from backend.cli.calls.call_audio import RATE
from backend.cli.calls.doors.door import CallOptions
from backend.cli.calls.results import CallProblem, CallResult, CallTranslation, CallUtterance
from backend.client.client import Client
from backend.messages.options import spoken_language
from backend.messages.protocol import AudioFormat, Error, Final, Notice, ServerMessage, Start, Translation


class NativeCall:
    """A call through `/v1/stream`, with a channel for each speaker."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, packet: Sequence[bytes]) -> None:
        """Send the samples of all speakers, interleaved."""
        samples = bytearray(len(packet) * len(packet[0]))
        for number, speaker in enumerate(packet):
            samples[number :: len(packet)] = speaker
        await self._client.send(bytes(samples))

    async def hang_up(self) -> None:
        """Send `stop`."""
        await self._client.stop()

    async def __aiter__(self) -> AsyncIterator[CallResult]:
        """Yield results. Raises ServerError and DisconnectedError."""
        async for event in self._client:
            if result := _native_result(event):
                yield result


def native_start(options: CallOptions) -> Start:
    """The session that the gateway opens for such a call of Twilio."""
    return Start(
        audio=AudioFormat(encoding="mulaw", sample_rate=RATE, channels=options.speakers),
        multichannel=options.speakers > 1,
        channel_order="time",
        partials=False,
        translate_to=options.targets,
        room=options.room or None,
        **spoken_language(options.spoken),
    )


def _native_result(event: ServerMessage) -> CallResult | None:
    match event:
        case Final() if event.text:
            times = event.start_ms, event.end_ms
            return CallUtterance(event.channel or 0, event.utterance, *times, event.text, event.language)
        case Translation(is_final=True):
            return CallTranslation(event.channel or 0, event.utterance, event.language, event.text)
        case Error() | Notice() if event.utterance is not None or isinstance(event, Error):
            return CallProblem(event.channel, event.code, event.message)
    return None
