"""Native events in any order and with any content, for the codecs of other protocols."""

import json

from hypothesis import strategies as st

from backend.messages.protocol import (
    DecodedToken,
    Decoding,
    Done,
    Error,
    Final,
    Message,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Word,
)

NUMBERS = st.integers(1, 4)
TIMES = st.integers(0, 100_000)
TEXTS = st.text(max_size=20)
PROBABILITIES = st.floats(0, 1)
WORDS = st.builds(Word, word=TEXTS, start_ms=TIMES, end_ms=TIMES, confidence=PROBABILITIES)
TOKENS = st.builds(
    DecodedToken,
    id=st.integers(0, 60_000),
    bytes=st.binary(max_size=4).map(tuple),
    logprob=st.floats(max_value=0, allow_infinity=False, allow_nan=False),
)
DECODINGS = st.builds(
    Decoding,
    temperature=PROBABILITIES,
    no_speech_probability=PROBABILITIES,
    tokens=st.lists(TOKENS, max_size=4).map(tuple),
)
FINALS = st.builds(
    Final,
    utterance=NUMBERS,
    text=TEXTS,
    language=st.sampled_from(["en", "zh", "xx", ""]),
    language_probability=st.none() | PROBABILITIES,
    confidence=PROBABILITIES,
    start_ms=TIMES,
    end_ms=TIMES,
    words=st.none() | st.lists(WORDS, max_size=4).map(tuple),
    decoding=st.none() | DECODINGS,
)
PARTIALS = st.builds(
    Partial,
    utterance=NUMBERS,
    revision=NUMBERS,
    committed=TEXTS,
    tentative=TEXTS,
    language=st.just("en"),
    start_ms=TIMES,
    end_ms=TIMES,
)
ERRORS = st.builds(
    Error,
    code=st.sampled_from(["overdue", "internal", "invalid_json", "over_quota", "new_code"]),
    message=TEXTS,
    fatal=st.booleans(),
    utterance=st.none() | NUMBERS,
)
EVENTS: st.SearchStrategy[list[Message]] = st.lists(
    st.one_of(
        st.builds(SpeechStarted, utterance=NUMBERS, start_ms=TIMES),
        st.builds(SpeechEnded, utterance=NUMBERS, end_ms=TIMES),
        PARTIALS,
        FINALS,
        ERRORS,
        st.builds(Ready, session=TEXTS),
        st.just(Done()),
    ),
    max_size=12,
)
# Text frames: any text, and any JSON.
TEXT_FRAMES = st.text(max_size=30) | st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("type") | TEXTS, inner, max_size=3),
    max_leaves=6,
).map(json.dumps)
