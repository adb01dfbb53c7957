"""Measures the real-time factor of the model."""

# Weight of the past at each batch: about the last ten batches count.
DECAY = 0.9


class RealTimeFactor:
    """Seconds of work for each second of audio, over recent batches.

    Of `parallel_batches` that are decoded at the same time, each gets its share of the time. If one batch is prepared
    while another one is decoded, the time in which they overlap counts once.
    """

    def __init__(self, parallel_batches: int = 1) -> None:
        self._parallel = parallel_batches
        self._work_s = self._audio_s = self._counted_until = 0.0

    def add(self, began: float, ended: float, audio_s: float) -> None:
        """Count a batch that was worked on from `began` to `ended`, by any clock."""
        if self._parallel == 1:
            began = max(began, min(self._counted_until, ended))
            self._counted_until = max(self._counted_until, ended)
        self._work_s = DECAY * self._work_s + (ended - began) / self._parallel
        self._audio_s = DECAY * self._audio_s + audio_s

    @property
    def factor(self) -> float:
        """The real-time factor; 0 before the first batch."""
        return self._work_s / self._audio_s if self._audio_s else 0.0
