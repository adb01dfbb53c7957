"""The sound of a call: 8 kHz, one or two speakers, with noise. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.audio.g711 import to_mulaw
from backend.audio.resampler import SAMPLE_RATE, Resampler, Samples

RATE = 8_000
PACKET_MS = 20
PACKET = RATE * PACKET_MS // 1000
# Silence between two speakers who do not interrupt each other, and before the call is ended.
PAUSE_S, TAIL_S = 0.5, 2.0
# A packet is speech if its level is at most this far below that of the loudest packet.
_RANGE_DB = 35.0
# Kept before the speech of the second speaker, so that soft first consonants are not cut off.
_LEAD_PACKETS = 10

# For each packet, whether it is speech.
Activity = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CallAudio:
    """The samples of each speaker, equally long and in whole packets, and where each of them speaks."""

    speakers: tuple[Samples, ...]
    activity: tuple[Activity, ...]

    @property
    def length_s(self) -> float:
        """The duration of the call."""
        return len(self.speakers[0]) / RATE

    def packets(self) -> Iterator[tuple[bytes, ...]]:
        """Mu-law of 20 ms for each speaker."""
        encoded = [to_mulaw(speaker) for speaker in self.speakers]
        for at in range(0, len(encoded[0]), PACKET):
            yield tuple(speaker[at : at + PACKET] for speaker in encoded)


def to_telephone(pcm: Samples) -> Samples:
    """[n] at 16 kHz as [m] at 8 kHz."""
    resampler = Resampler(SAMPLE_RATE, RATE)
    waveform = pcm.astype(np.float32) / np.float32(32_768)
    return np.concatenate([resampler.resample(waveform), resampler.flush()])


def call_audio(speakers: Sequence[Samples], tail_s: float = TAIL_S) -> CallAudio:
    """A call of speakers who begin at the same time. Each stays on the line until it ends."""
    longest = max(map(len, speakers)) + round(tail_s * RATE)
    length = -(-longest // PACKET) * PACKET
    padded = tuple(np.pad(speaker, (0, length - len(speaker))) for speaker in speakers)
    return CallAudio(padded, tuple(map(find_speech, padded)))


def find_speech(samples: Samples) -> Activity:
    """Find the packets with speech by their level, which is right for recordings with little noise."""
    count = -(-len(samples) // PACKET)
    packets = np.pad(samples, (0, count * PACKET - len(samples))).reshape(count, PACKET)
    energy = np.square(packets.astype(np.float64)).mean(axis=1)
    if not energy.any():
        return np.zeros(count, np.bool_)
    found: Activity = energy >= energy.max() * 10 ** (-_RANGE_DB / 10)
    return found


def answered(first: Samples, second: Samples, pause_s: float = PAUSE_S) -> list[Samples]:
    """Let the second speaker begin `pause_s` after the end of the first one's speech, or before it if it is negative.

    Raises ValueError if that would be before the first one begins.
    """
    spoken, reply = np.flatnonzero(find_speech(first)), np.flatnonzero(find_speech(second))
    if not len(spoken) or not len(reply):
        raise ValueError("a speaker is silent")
    begins = int(spoken[-1]) + 1 + round(1000 * pause_s / PACKET_MS)
    if begins < spoken[0]:
        length_s = (spoken[-1] + 1 - spoken[0]) * PACKET_MS / 1000
        raise ValueError(f"the barge-in is longer than the speech of the first speaker, {length_s:.1f} s")
    lead = min(int(reply[0]), _LEAD_PACKETS, begins)
    return [first, np.pad(second[(int(reply[0]) - lead) * PACKET :], ((begins - lead) * PACKET, 0))]


def with_noise(call: CallAudio, noise: Samples, snr_db: float) -> CallAudio:
    """Add noise to the line of each speaker, `snr_db` below the level of their speech. Raises ValueError."""
    if not noise.any():
        raise ValueError("the noise is silent")
    noisy = []
    for number, (samples, active) in enumerate(zip(call.speakers, call.activity, strict=True)):
        # Another part of the recording on each line: equal noise would reveal where the lines are joined.
        own = np.roll(noise, -number * len(noise) // len(call.speakers))
        noisy.append(_mix(samples, np.resize(own, len(samples)), active, snr_db))
    return CallAudio(tuple(noisy), call.activity)


def _mix(samples: Samples, noise: Samples, active: Activity, snr_db: float) -> Samples:
    speech, level = samples.reshape(-1, PACKET)[active], _power(noise)
    if not speech.size or not level:
        return samples
    gain = np.sqrt(_power(speech) / level) * 10 ** (-snr_db / 20)
    mixed: Samples = np.rint(samples + gain * noise).clip(-32_768, 32_767).astype(np.int16)
    return mixed


def _power(samples: Samples) -> float:
    return float(np.square(samples.astype(np.float64)).mean())
