"""Recognize utterances in a doubtful language again, each in a session of its own."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from backend.cli.files.language_review import PAUSE_MS, LanguageReview, plan_review, second_opinion
from backend.cli.files.media.errors import DamagedAudioError, TruncatedAudioError
from backend.cli.files.media.recording import open_recording
from backend.cli.files.source import Source
from backend.cli.files.transcript import FileTranscript
from backend.client.client import Client
from backend.errors import NovaError
from backend.local.discovery import Server, open_session
from backend.messages.jobs import BYTES_PER_SECOND
from backend.messages.protocol import Final, Start

# Bytes that are sent at once.
_FRAME = BYTES_PER_SECOND // 4


async def review_languages(transcript: FileTranscript, source: Source, server: Server, start: Start) -> None:
    """Replace utterances of the transcript whose language was detected wrongly. After an error, the rest stays."""
    review = plan_review(transcript.finals)
    if review is None:
        return
    try:
        anchor, *clips = await asyncio.to_thread(read_clips, source, [review.anchor, *review.doubtful])
        for doubtful, clip in zip(review.doubtful, clips, strict=True):
            audio = anchor + bytes(PAUSE_MS * BYTES_PER_SECOND // 1000) + clip
            again = await _recognize(audio, server, start.model_copy(update={"speakers": False}))
            _replace(transcript, review, doubtful, again)
    except* NovaError:
        pass  # the transcript is complete without a second opinion


def _replace(transcript: FileTranscript, review: LanguageReview, doubtful: Final, again: FileTranscript) -> None:
    """Put the new result, and its translations, in place of the doubtful utterance."""
    final = None if again.problems else second_opinion(review, doubtful, again.finals)
    if final is None:
        return
    named = {name: getattr(doubtful, name) for name in ("channel", "speaker", "speaker_similarity")}
    transcript.finals[transcript.finals.index(doubtful)] = final.model_copy(update=named)
    number = again.with_text[-1].utterance
    for target in doubtful.translate_to:
        transcript.translations.pop((doubtful.utterance, target), None)
    for target in final.translate_to:
        if (number, target) in again.translations:
            transcript.translations[doubtful.utterance, target] = again.translations[number, target]


async def _recognize(audio: bytes, server: Server, start: Start) -> FileTranscript:
    transcript = FileTranscript()
    async with open_session(server, start) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(_send(client, audio))
        async for event in client:
            transcript.apply_event(event)
    return transcript


async def _send(client: Client, audio: bytes) -> None:
    for at in range(0, len(audio), _FRAME):
        await client.send(audio[at : at + _FRAME])
    await client.stop()


def read_clips(source: Source, finals: Sequence[Final]) -> list[bytes]:
    """The audio of these utterances. The recording is read once more, up to the end of the last one."""
    spans = [(_byte(final.start_ms), _byte(final.end_ms)) for final in finals]
    clips = [bytearray() for _ in spans]
    position, last = 0, max(end for _, end in spans)
    # Whatever is missing at the end was reported when the recording was read for the first time.
    separate = source.channel is not None
    with (
        open_recording(source.file, source.track, separate=separate) as recording,
        suppress(DamagedAudioError, TruncatedAudioError),
    ):
        while position < last and (block := _channel(recording.read(), recording.channels, source.channel or 0)):
            for clip, (start, end) in zip(clips, spans, strict=True):
                clip += block[max(0, start - position) : max(0, end - position)]
            position += len(block)
    return [bytes(clip) for clip in clips]


def _channel(block: bytes, channels: int, channel: int) -> bytes:
    """The samples of one channel."""
    return np.frombuffer(block, "<i2").reshape(-1, channels)[:, channel].tobytes()


def _byte(ms: int) -> int:
    return ms * BYTES_PER_SECOND // 1000
