"""The speakers of a transcript: corrected labels, and finals divided by speaker. Pure."""

from collections.abc import Iterable, Iterator

from backend.messages.protocol import Final, SpeakerSegment, SpeakersMerged, Word


def relabelled(final: Final, merge: SpeakersMerged) -> Final:
    """The final with the label that stays, if it has the one that was merged. Each channel has its own labels."""
    if final.channel != merge.channel:
        return final
    segments = final.speaker_segments and tuple(relabelled_segment(one, merge) for one in final.speaker_segments)
    speaker = merge.speaker if final.speaker == merge.merged else final.speaker
    return final.model_copy(update={"speaker": speaker, "speaker_segments": segments})


def relabelled_segment(segment: SpeakerSegment, merge: SpeakersMerged) -> SpeakerSegment:
    """The segment with the label that stays, if it has the one that was merged."""
    return segment.model_copy(update={"speaker": merge.speaker}) if segment.speaker == merge.merged else segment


def split_by_speaker(finals: Iterable[Final]) -> Iterator[Final]:
    """Divide the finals that several speakers say, with the words of each."""
    for final in finals:
        if not final.speaker_segments:
            yield final
        for segment in final.speaker_segments or ():
            yield _part(final, segment)


def _part(final: Final, segment: SpeakerSegment) -> Final:
    own = None if final.words is None else tuple(w for w in final.words if segment_of(final, w) == segment)
    fields = {"text": segment.text, "start_ms": segment.start_ms, "end_ms": segment.end_ms, "words": own}
    named = {"speaker": segment.speaker, "speaker_similarity": segment.similarity, "speaker_segments": None}
    return final.model_copy(update={**fields, **named})


def segment_of(final: Final, word: Word) -> SpeakerSegment | None:
    """The segment that a word belongs to: the last one that begins before its middle."""
    segments, middle_ms = final.speaker_segments or (), (word.start_ms + word.end_ms) / 2
    begun = [segment for segment in segments if segment.start_ms <= middle_ms]
    return (begun or segments[:1] or (None,))[-1]


def speaker_of(final: Final, word: Word) -> str | None:
    """The label of the speaker who says a word."""
    segment = segment_of(final, word)
    return segment.speaker if segment else final.speaker
