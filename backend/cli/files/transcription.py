"""Transcribe one recording over one connection, as fast as the server accepts it."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from backend.cli.files.channels import ChannelTranscripts, merge_channels
from backend.cli.files.media.errors import MediaError
from backend.cli.files.media.recording import Recording, open_recording
from backend.cli.files.second_opinions import review_languages
from backend.cli.files.source import Source
from backend.cli.files.transcript import FileTranscript, IncompleteError
from backend.client.client import Client, DisconnectedError
from backend.errors import NovaError, leaf_errors
from backend.local.discovery import Server, open_session
from backend.messages.protocol import Start

# Receives the seconds that are transcribed, and the length of the recording in seconds if it is known.
OnProgress = Callable[[float, float | None], None]


async def transcribe_file(source: Source, server: Server, start: Start, on_progress: OnProgress) -> FileTranscript:
    """Transcribe a recording. A NovaError is not raised; it is added to the problems of the (partial) transcript."""
    transcripts, problems = ChannelTranscripts(1), list[NovaError]()
    try:
        with open_recording(source.file, source.track, separate=start.multichannel) as recording:
            transcripts = ChannelTranscripts(recording.channels)
            form = start.audio.model_copy(update={"channels": recording.channels})
            opened = start.model_copy(update={"audio": form})
            async with open_session(server, opened) as client, asyncio.TaskGroup() as tasks:
                tasks.create_task(_send_recording(client, recording, problems))
                async for event in client:
                    transcripts.apply_event(event)
                    on_progress(transcripts.position_ms / 1000, recording.length_s)
        if start.language == "auto":
            await _review_languages(transcripts, source, server, start)
    except* NovaError as failed:
        problems += leaf_errors(failed)
    transcript = merge_channels(transcripts.parts) if start.multichannel else transcripts.parts[0]
    transcript.problems += problems
    transcript.problems = [source.describe(problem) for problem in transcript.problems or _missing(transcript)]
    return transcript


async def _review_languages(transcripts: ChannelTranscripts, source: Source, server: Server, start: Start) -> None:
    """Review each channel on its own: its speaker may speak another language."""
    alone = start.model_copy(update={"multichannel": False})
    for channel, part in enumerate(transcripts.parts):
        chosen = replace(source, channel=channel) if start.multichannel else source
        await review_languages(part, chosen, server, alone)


def _missing(transcript: FileTranscript) -> list[NovaError]:
    """The languages whose translations the session has neither delivered nor reported as failed."""
    expected = {(final.utterance, target) for final in transcript.with_text for target in final.translate_to}
    languages = sorted({target for _, target in expected - transcript.translations.keys()})
    return [IncompleteError(f"translations into {language} are missing", code="incomplete") for language in languages]


async def _send_recording(client: Client, recording: Recording, problems: list[NovaError]) -> None:
    """Send the file up to its end or to where it is truncated.

    If the session has ended, the task that reads events reports why.
    """
    with contextlib.suppress(DisconnectedError):
        while block := await _next_block(recording, problems):
            await client.send(block)
        await client.stop()


async def _next_block(recording: Recording, problems: list[NovaError]) -> bytes:
    try:
        return await asyncio.to_thread(recording.read)
    except MediaError as error:
        problems.append(error)
        return b""
