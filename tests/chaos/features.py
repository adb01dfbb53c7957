"""The optional features of conversations in a storm: the options of its sessions, and what is checked about them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backend import models
from backend.load.driver import drive_session
from backend.messages.protocol import (
    EarlyFinal,
    EarlyFinalWithdrawn,
    Enrolment,
    Final,
    Interrupt,
    SpeakerEnrolled,
    SpeakersMerged,
    SpeechIgnored,
    Start,
    TurnEnd,
)
from backend.messages.rooms.captions import Caption
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from backend.streams.rooms.rooms import RedisRooms
from tests.paths import SHARED
from tests.testkit.audio.clips import RATE, shared_clips
from tests.testkit.session import ClientLedger

# The enrolled speaker, whose clips are among those that sessions speak.
NAME, SPEAKER = "Anna", "ls2609"
# Sessions take these in turn. Their texts are checksums of the audio, except where the audio or the text is changed.
PROFILES: tuple[Mapping[str, Any], ...] = (
    {"speakers": True, "known_speakers": (NAME,), "turn_threshold": 0.5, "early_final_ms": 200, "words": True},
    {"responding": True, "partial_words": True, "decoding": True, "finals": "stable", "early_final_ms": 300},
    {"denoise": "on", "speakers": True, "turn_threshold": 0.5, "words": True, "prompt": "A talk.", "hotwords": "Nova"},
    {"only_speaker": NAME, "responding": True, "turn_threshold": 0.5, "words": True},
)
EVENTS = (EarlyFinal, EarlyFinalWithdrawn, Interrupt, SpeakersMerged, SpeechIgnored, TurnEnd)


def feature_settings() -> dict[str, str]:
    """Settings of workers that have the models of all features. Raises ModelError if a model is missing."""
    folder = SHARED / "models"
    return {
        "STT_TURN_MODEL": str(models.fetch("smart-turn")),
        "STT_VOICE_MODEL": str(folder / "campplus_zh_en_192.onnx"),
        "STT_DENOISE_MODEL": str(folder / "gtcrn_simple.onnx"),
    }


def feature_start(number: int, plain: Start) -> Start:
    """The `start` message of a session, which also has a room of its own."""
    return plain.model_copy(update={**PROFILES[number % len(PROFILES)], "room": f"storm-{number}"})


def has_own_text(start: Start) -> bool:
    """Whether the text of a final is that of the whole audio that the client sent."""
    return start.denoise == "off" and not start.only_speaker


async def enrol(url: str) -> None:
    """Store the voice of the speaker that sessions name. Raises RuntimeError if it is refused."""
    clips = [clip.pcm() for clip in shared_clips() if clip.speaker == SPEAKER and len(clip.pcm()) >= 4 * RATE]
    spoken = np.concatenate([part for pcm in clips[:4] for part in (pcm, np.zeros(RATE, np.int16))])
    start = Start(language="en", enrol=Enrolment(name=NAME, consent=True))
    ledger = await drive_session(url, start, ClientLedger.for_audio(spoken), speed=None)
    if not ledger.received(SpeakerEnrolled):
        raise RuntimeError(f"the voice was not enrolled: {ledger.event_log()}")


def count_features(ledgers: Sequence[ClientLedger]) -> dict[str, int]:
    """How often each event came, and the finals with labels, with words and without text."""
    counts = Counter[str]()
    for ledger in ledgers:
        counts.update(type(event).__name__ for _, event in ledger.events if isinstance(event, EVENTS))
        finals = ledger.received(Final)
        counts["labels"] += sum(final.speaker is not None for final in finals)
        counts["words"] += sum(bool(final.words) for final in finals)
        counts["ignored finals"] += sum(not final.text for final in finals)
    return dict(sorted(counts.items()))


def ignored_errors(ledger: ClientLedger) -> list[str]:
    """Finals without text and without the reason for it."""
    explained = {event.utterance for event in ledger.received(SpeechIgnored)}
    silent = [final.utterance for final in ledger.received(Final) if not final.text]
    return [f"utterance {number} has no text, and no reason for it" for number in silent if number not in explained]


async def room_errors(redis_url: str, shards: int, ledgers: Sequence[ClientLedger]) -> list[str]:
    """Differences between the finals of sessions and the lines of their rooms."""
    settings = ServiceSettings(REDIS_URL=redis_url, NOVA_SHARDS=shards)
    problems = []
    async with connect(settings) as redis:
        rooms = RedisRooms(redis, settings)
        for number, ledger in enumerate(ledgers):
            logged = [message.event async for message in rooms.read_log(f"storm-{number}")]
            problems += _room_differences(number, ledger, [one for one in logged if isinstance(one, Caption)])
    return problems


def _room_differences(number: int, ledger: ClientLedger, captions: Sequence[Caption]) -> list[str]:
    lines = [int(one.line.rpartition("-")[2]) for one in captions if not one.is_translation and one.text]
    spoken = [final.utterance for final in ledger.received(Final) if final.text]
    return [] if lines == spoken else [f"room {number} has the lines {lines}, the session the finals {spoken}"]
