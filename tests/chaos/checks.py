"""Compare what a session sent with what it received, so that every lost, duplicated or mixed-up result shows. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from backend.messages.protocol import Error, Final
from gateway.session.segmenter import WINDOW
from stt_worker.recognizers.null import checksum, transcript
from tests.testkit.audio.reference import Reference
from tests.testkit.session import SAMPLES_PER_MS, ClientLedger

# 96 ms. After a resume the detector starts without history, so that much may be missing at an edge of an utterance.
EDGE = 3 * WINDOW


@dataclass(frozen=True, slots=True)
class Checks:
    """Which properties of a session are checked in addition to the order and coverage of its finals."""

    checksums: bool = True  # text equals the checksum of the audio; only with the recognizer `null`
    # Finals begin with the words that the client has, which may be of a slightly different beginning of the utterance
    # after a resume. Then only the last word is compared, the checksum of all samples.
    stable: bool = False
    translations: bool = False
    log: bool = True  # the durable log has the same finals as the client


def differences(ledger: ClientLedger, expected: Reference, checks: Checks) -> list[str]:
    """Everything that is wrong with a session. Empty if each utterance has one final with its own text, in order."""
    if ledger.error:
        return [f"ended by {ledger.ended}", *_sequence_errors("finals", ledger.utterances)]
    return [
        *_sequence_errors("finals", ledger.utterances),
        *(_log_errors(ledger) if checks.log else ()),
        *(f"error {error.code}: {error.message}" for error in ledger.received(Error)),
        *_time_errors(ledger),
        *(_text_errors(ledger, stable=checks.stable) if checks.checksums else ()),
        *_coverage_errors(ledger, expected),
        *(_translation_errors(ledger) if checks.translations else ()),
    ]


def missing(numbers: Sequence[int]) -> list[int]:
    """The numbers from 1 to the highest that do not occur."""
    return sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))


def duplicated(numbers: Sequence[int]) -> list[int]:
    """The numbers that occur more than once."""
    return sorted(number for number, count in Counter(numbers).items() if count > 1)


def out_of_order(numbers: Sequence[int]) -> list[int]:
    """The numbers that follow a higher number."""
    return [number for i, number in enumerate(numbers) if number < max(numbers[:i], default=0)]


def uncovered(ledger: ClientLedger, expected: Reference) -> list[tuple[int, int, bool]]:
    """Speech that no final covers: first sample, end sample, and whether a detector restart explains it."""
    covered = np.zeros(len(ledger.pcm) // WINDOW + 1, np.bool_)
    for final in ledger.received(Final):
        covered[final.start_ms * SAMPLES_PER_MS // WINDOW : final.end_ms * SAMPLES_PER_MS // WINDOW] = True
    stretches = []
    for speech in expected.speech:
        open_windows = speech[~covered[speech // WINDOW]]
        for stretch in np.split(open_windows, np.flatnonzero(np.diff(open_windows) > WINDOW) + 1):
            if len(stretch):
                start, end = int(stretch[0]), int(stretch[-1]) + WINDOW
                at_edge = (start == speech[0]) != (end == speech[-1] + WINDOW)
                stretches.append((start, end, bool(at_edge) and end - start <= EDGE))
    return stretches


def _sequence_errors(what: str, numbers: Sequence[int]) -> Iterator[str]:
    for problem, find in (("missing", missing), ("duplicated", duplicated), ("out of order", out_of_order)):
        if found := find(numbers):
            yield f"{what} {problem}: {found}"


def _log_errors(ledger: ClientLedger) -> Iterator[str]:
    yield from _sequence_errors("finals in the log", ledger.logged)
    if set(ledger.logged) != set(ledger.utterances):
        yield f"the log has {len(set(ledger.logged))} finals, the client {len(set(ledger.utterances))}"


def _time_errors(ledger: ClientLedger) -> Iterator[str]:
    finals = ledger.received(Final)
    # The detector pads the last window of a session.
    end_ms = -(-len(ledger.pcm) // WINDOW) * WINDOW // SAMPLES_PER_MS
    for final in finals:
        if not 0 <= final.start_ms < final.end_ms <= end_ms:
            yield f"utterance {final.utterance} spans {final.start_ms} to {final.end_ms} of {end_ms} ms"
    for before, after in pairwise(finals):
        if after.start_ms < before.end_ms:
            overlap = f"before {before.utterance} ends at {before.end_ms} ms"
            yield f"utterance {after.utterance} starts at {after.start_ms} ms, {overlap}"


def _text_errors(ledger: ClientLedger, *, stable: bool) -> Iterator[str]:
    for final in ledger.received(Final):
        audio = ledger.audio_of(final)
        is_right = final.text.split()[-1:] == [checksum(audio)] if stable else final.text == transcript(audio)
        if not is_right:
            yield f"utterance {final.utterance} ({final.start_ms} to {final.end_ms} ms) has the text of other audio"


def _coverage_errors(ledger: ClientLedger, expected: Reference) -> Iterator[str]:
    for start, end, explained in uncovered(ledger, expected):
        if not explained:
            yield f"no final covers the speech from {start // SAMPLES_PER_MS} to {end // SAMPLES_PER_MS} ms"


def _translation_errors(ledger: ClientLedger) -> Iterator[str]:
    finals = ledger.received(Final)
    expected = [(final.utterance, target) for final in finals for target in final.translate_to if final.text]
    received = ledger.final_translations
    if lost := sorted(set(expected) - set(received)):
        yield f"translations missing: {lost}"
    if extra := sorted(key for key, count in Counter(received).items() if count > expected.count(key)):
        yield f"translations duplicated: {extra}"
