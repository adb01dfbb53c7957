"""Mixes channels to mono without losing speech that is out of phase between them. Pure.

An inverted channel, from a wrongly wired cable or a balanced output, cancels the other one. The mean is then almost
silent although both channels are loud. While that is so, the loudest channel is used instead of the mean.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# [n, channels], -1 to 1.
Channels = NDArray[np.float32]
# [n], mono, -1 to 1.
Waveform = NDArray[np.float32]

_BLOCK_S = 0.04
# Time constant of the measured energies. Short, so that a second speaker, who may be in the other channel only, is
# soon in the mix again. Pauses do not end a cancellation, because energies decay slowly against the level of speech.
_MEMORY_S = 0.25
# Energy of the mix, as a share of the sum of the channels' energies in it: 0 for inverted channels, 1 for independent
# ones, 2 for two equal ones. The mix cancels below the first value, or in one block below the second. It does so no
# longer when both are above the third.
_CANCELS, _BLOCK_CANCELS, _RECOVERS = 0.5, 0.15, 0.8
# Another channel is chosen only if it has this many times the energy of the chosen one.
_LOUDER = 2.0
# Weights of ITU-R BS.775 for a downmix, by FFmpeg's channel names. Channels with other names have weight 1.
_WEIGHTS = {
    **dict.fromkeys(("FL", "FR"), 0.7071),
    **dict.fromkeys(("BL", "BR", "SL", "SR", "BC"), 0.5),
    **dict.fromkeys(("LFE", "LFE2"), 0.0),
}


def channel_weights(names: Sequence[str]) -> list[float]:
    """The weight of each channel in the mix. Their sum is 1, so that the mix cannot clip."""
    weights = [_WEIGHTS.get(name, 1.0) for name in names]
    total = sum(weights)
    return [weight / total for weight in weights] if total else [1 / len(names)] * len(names)


def replace_non_finite(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Replace NaN and infinite samples, which audio drivers and damaged files contain, by silence."""
    return waveform if np.isfinite(waveform).all() else np.where(np.isfinite(waveform), waveform, np.float32(0))


class Downmixer:
    """Mixes one stream. The result does not depend on how the stream is split into calls, and has no delay.

    Each block of 40 ms is mixed by what was measured before it, so the first 40 ms of inverted sound are lost.
    """

    def __init__(self, rate: int, weights: Sequence[float]) -> None:
        self._block = max(1, round(rate * _BLOCK_S))
        self._decay = float(np.exp(-_BLOCK_S / _MEMORY_S))
        self._mean = np.array(weights, np.float32)
        # Weights at the end of the previous block, and at the end of this one.
        self._before = self._after = self._mean
        # Of the current block, and of earlier ones with the weight that they still have.
        self._covariance = np.zeros((len(weights), len(weights)), np.float32)
        self._earlier = self._covariance.copy()
        # Samples of the current block so far.
        self._at = 0
        # The channel that is used instead of the mean.
        self._chosen: int | None = None

    def mix(self, channels: Channels) -> Waveform:
        """Mix the next [n, channels] samples to [n]."""
        mixed = np.empty(len(channels), np.float32)
        done = 0
        while done < len(channels):
            part = channels[done : done + self._block - self._at]
            mixed[done : done + len(part)] = self._mix_part(part)
            self._covariance += part.T @ part
            self._at += len(part)
            done += len(part)
            if self._at == self._block:
                self._end_block()
        return mixed

    def _mix_part(self, part: Channels) -> Waveform:
        """Mix samples of the current block. If the weights change, they do so gradually, so that nothing clicks."""
        if self._before is self._after:
            return part @ self._after
        share = np.arange(self._at + 1, self._at + 1 + len(part), dtype=np.float32) / np.float32(self._block)
        return part @ self._before * (1 - share) + part @ self._after * share

    def _end_block(self) -> None:
        chosen = self._choose_channel()
        self._before = self._after
        if chosen != self._chosen:
            self._chosen = chosen
            self._after = self._mean if chosen is None else np.eye(len(self._mean), dtype=np.float32)[chosen]
        self._earlier = (self._earlier + self._covariance) * np.float32(self._decay)
        self._covariance = np.zeros_like(self._covariance)
        self._at = 0

    def _choose_channel(self) -> int | None:
        """The loudest channel while the mix cancels, otherwise None."""
        covariance = self._earlier + self._covariance
        if not self._covariance.any():
            return self._chosen
        share, block_share = self._share(covariance), self._share(self._covariance)
        energies = self._mean**2 * covariance.diagonal()
        loudest, chosen = int(energies.argmax()), self._chosen
        if chosen is None:
            return loudest if share < _CANCELS or block_share < _BLOCK_CANCELS else None
        if min(share, block_share) > _RECOVERS:
            return None
        return loudest if energies[loudest] > _LOUDER * energies[chosen] else chosen

    def _share(self, covariance: NDArray[np.float32]) -> float:
        """Energy of the mean, relative to that of independent channels."""
        independent = float(self._mean**2 @ covariance.diagonal())
        return float(self._mean @ covariance @ self._mean) / independent if independent > 0 else 1.0
