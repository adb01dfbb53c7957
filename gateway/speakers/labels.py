"""The speaker labels of one session. Pure.

The labels depend on nothing but the finals in the order of the session log. So a gateway that resumes the session gets
the same labels: it starts from the stored state, and reads the log from there on.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from backend.audio.voice_vectors import decode_vector
from backend.cli.files.speaker_parts import relabelled_segment
from backend.messages.jobs import ChannelMessage, DescribedVoice, FinalResult, cursor_position
from backend.messages.options import Message
from backend.messages.protocol import Final, SpeakerSegment, SpeakersMerged, Start
from backend.messages.voices.profiles import VoiceProfile
from backend.text.writing_systems import join_texts
from gateway.speakers.clusters import Speaker, SpeakerClusters, Vector

# Utterances whose labels are kept, for a client that has not received them before its connection was lost.
MAX_UTTERANCES = 64
BEGINNING = "0-0"


class LabelledUtterance(Message):
    """The speakers of an utterance, and those who were merged because of it."""

    segments: tuple[SpeakerSegment, ...]
    merged: tuple[SpeakersMerged, ...] = ()


class KnownSpeaker(Message):
    """`direction`: base64 of float32, little endian."""

    label: str
    direction: str
    seconds: float
    threshold: float | None = None


class SpeakerRecord(Message):
    """The state of the labels after the event at `cursor`, as Redis stores it."""

    cursor: str
    count: int
    speakers: tuple[KnownSpeaker, ...] = ()
    utterances: Mapping[int, LabelledUtterance] = {}


class SpeakerLabels:
    """Labels the speakers of finals. Each final is observed once, in the order of the session log."""

    def __init__(self, known: Sequence[VoiceProfile] = ()) -> None:
        """`known`: enrolled speakers, whose labels are their names."""
        self._clusters = SpeakerClusters(_enrolled(profile) for profile in known)
        self._has_names = bool(known)
        self._utterances: dict[int, LabelledUtterance] = {}
        # Position in the session log of the last event that the labels take into account.
        self.cursor = BEGINNING
        self._record = ""
        self._is_wanted, self._max_speakers = False, 0

    def apply_options(self, options: Start) -> None:
        """Label the speakers of finals from now on, or stop it."""
        self._is_wanted, self._max_speakers = options.speakers, options.max_speakers

    def log_cursor(self, received: str) -> str:
        """Position after which the log must be read, by a client that has received all events up to `received`."""
        return min(self.cursor, received, key=cursor_position) if self._is_wanted else received

    def observe(self, live: ChannelMessage) -> None:
        """Take an event of the session log into account, unless that has been done."""
        if live.cursor is None or cursor_position(live.cursor) <= cursor_position(self.cursor):
            return
        self.cursor, self._record = live.cursor, ""
        if self._is_wanted and isinstance(live.event, FinalResult) and live.event.voices:
            self._label(live.event)

    def _label(self, final: FinalResult) -> None:
        if (vectors := self._vectors(final.voices)) is None:
            return
        segments = [self._assign(voice, vector) for voice, vector in zip(final.voices, vectors, strict=True)]
        merged = tuple(SpeakersMerged(speaker=kept, merged=gone) for kept, gone in self._clusters.merge())
        for merge in merged:
            segments = [relabelled_segment(segment, merge) for segment in segments]
        self._utterances[final.utterance] = LabelledUtterance(segments=tuple(_joined(segments)), merged=merged)
        while len(self._utterances) > MAX_UTTERANCES:
            del self._utterances[min(self._utterances)]

    def _vectors(self, voices: Iterable[DescribedVoice]) -> list[Vector] | None:
        """The vectors of these voices. None if they cannot be compared: a worker with another model described them."""
        try:
            vectors = [decode_vector(voice.embedding) for voice in voices]
        except ValueError:
            return None
        sizes = {vector.size for vector in (*vectors, *(speaker.direction for speaker in self._clusters.speakers))}
        return vectors if len(sizes) == 1 and 0 not in sizes else None

    def _assign(self, voice: DescribedVoice, vector: Vector) -> SpeakerSegment:
        match = self._clusters.assign(vector, (voice.end_ms - voice.start_ms) / 1000, self._max_speakers)
        similarity = None if match.similarity is None else round(match.similarity, 3)
        spoken = voice.model_dump(include={"start_ms", "end_ms", "text"})
        return SpeakerSegment(speaker=match.label, similarity=similarity, **spoken)

    def labelled(self, final: Final) -> list[Final | SpeakersMerged]:
        """The final with its speakers. Corrections of earlier labels come before it."""
        found = self._utterances.get(final.utterance) if self._is_wanted else None
        if found is None:
            return [final]
        longest = max(found.segments, key=lambda segment: segment.end_ms - segment.start_ms)
        named = {"speaker": longest.speaker, "speaker_similarity": longest.similarity}
        several = {"speaker_segments": found.segments} if len(found.segments) > 1 else {}
        return [*found.merged, final.model_copy(update={**named, **several})]

    # --- the stored state

    def record(self) -> str:
        """The state as Redis stores it; "" before the first event, and if labels are not wanted."""
        if not self._is_wanted:
            return ""
        if not self._record and (self.cursor != BEGINNING or self._has_names):
            self._record = SpeakerRecord(
                cursor=self.cursor,
                count=self._clusters.count,
                speakers=tuple(_known(speaker) for speaker in self._clusters.speakers),
                utterances=self._utterances,
            ).model_dump_json(exclude_defaults=True)
        return self._record

    def restore(self, record: str) -> None:
        """Continue from a stored state. Without one, or if it is damaged, the whole log is read."""
        try:
            known = SpeakerRecord.model_validate_json(record)
            speakers = [
                Speaker(one.label, _direction(one.direction), one.seconds, one.threshold) for one in known.speakers
            ]
            position = cursor_position(known.cursor)
        except ValueError:
            return
        if position > cursor_position(self.cursor) or (self.cursor == BEGINNING and not self._has_names):
            self._clusters, self.cursor = SpeakerClusters(speakers, known.count), known.cursor
            self._utterances = dict(known.utterances)
            self._has_names = any(speaker.is_enrolled for speaker in speakers)


def _joined(segments: Iterable[SpeakerSegment]) -> list[SpeakerSegment]:
    """Join parts that follow each other and have the same speaker. The similarity is that of the first part."""
    joined: list[SpeakerSegment] = []
    for segment in segments:
        if joined and joined[-1].speaker == segment.speaker:
            text = join_texts([joined[-1].text, segment.text])
            segment = joined.pop().model_copy(update={"end_ms": segment.end_ms, "text": text})
        joined.append(segment)
    return joined


def _known(speaker: Speaker) -> KnownSpeaker:
    data = speaker.direction.astype("<f4").tobytes()
    return KnownSpeaker(
        label=speaker.label,
        direction=base64.b64encode(data).decode(),
        seconds=speaker.seconds,
        threshold=speaker.threshold,
    )


def _enrolled(profile: VoiceProfile) -> Speaker:
    return Speaker(profile.name, decode_vector(profile.embedding), profile.seconds, profile.threshold)


def _direction(text: str) -> Vector:
    """The direction of a stored speaker. Raises ValueError."""
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)
