"""The first message of a connection with several channels, for each of its sessions, and their answers in one. Pure."""

from collections.abc import Sequence

from backend.errors import AudioError, ProtocolError
from backend.messages.channels import MAX_CHANNELS, ChannelPosition, ChannelReady, ChannelResume
from backend.messages.protocol import Ready, Resume, Start


def has_channels(first: Start | Resume) -> bool:
    """Whether each channel is a session of its own."""
    return first.multichannel if isinstance(first, Start) else bool(first.channels)


def channel_session(connection: str, channel: int) -> str:
    """The id of a channel's session. `connection` is the id that the client knows."""
    return f"{connection}-{channel}"


def divide(first: Start | Resume) -> Sequence[Start | Resume]:
    """The first message of each channel's session. Raises ProtocolError and AudioError."""
    return _divide_start(first) if isinstance(first, Start) else _divide_resume(first)


def _divide_start(start: Start) -> list[Start]:
    count = start.audio.channels
    if not 1 <= count <= MAX_CHANNELS:
        message = f"{count} channels: 1 to {MAX_CHANNELS} are supported"
        raise AudioError(message, code="unsupported_channels", close_code=1003)
    if start.audio.channel is not None:
        raise _invalid("start: give either multichannel or audio.channel")
    if start.positions and len(start.positions) != count:
        raise _invalid(f"start: {len(start.positions)} positions for {count} channels")
    same = ChannelPosition(audio_from_ms=start.audio_from_ms, utterance=start.utterance)
    return [_start(start, channel, position) for channel, position in enumerate(start.positions or [same] * count)]


def _start(start: Start, channel: int, position: ChannelPosition) -> Start:
    audio = start.audio.model_copy(update={"channel": channel})
    own = {"audio": audio, "multichannel": False, "positions": (), **dict(position)}
    return start.model_copy(update=own)


def _divide_resume(resume: Resume) -> list[Resume]:
    return [_resume(resume, channel, state) for channel, state in enumerate(resume.channels)]


def _resume(resume: Resume, channel: int, state: ChannelResume) -> Resume:
    # Not validated again: the id may be longer than a client's. No session has such an id.
    own = {"session": channel_session(resume.session, channel), "channels": (), **dict(state)}
    return resume.model_copy(update=own)


def check_count(first: Start | Resume, opened: Start) -> None:
    """Raise ProtocolError if a client resumes other channels than the session has. `opened` are its options."""
    if isinstance(first, Resume) and len(first.channels) != opened.audio.channels:
        raise _invalid(f"resume: {len(first.channels)} channels, but the session has {opened.audio.channels}")


def join_ready(session: str, token: str, answers: Sequence[Ready]) -> Ready:
    """The answer of the whole connection: it expects audio from where the first channel needs it."""
    return Ready(
        session=session,
        resume_token=token,
        audio_from_ms=min(ready.audio_from_ms for ready in answers),
        correlation_id=answers[0].correlation_id,
        channels=tuple(ChannelReady(audio_from_ms=ready.audio_from_ms, cursor=ready.cursor) for ready in answers),
    )


def _invalid(message: str) -> ProtocolError:
    return ProtocolError(message, code="invalid_message")
