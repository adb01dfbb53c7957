"""One way to decode tried after the other, until it is known which suits this machine.

No network is needed, and no recordings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import ctranslate2

from backend.errors import SetupError
from stt_worker.calibration.findings import Calibration, Machine, Trial, choose
from stt_worker.calibration.machine import busy, cores
from stt_worker.calibration.rehearsal import Sound, said, timed, voice, waited
from stt_worker.calibration.storage import describe
from stt_worker.recognizers.recognizer import Speech
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.recognizers.windows import FRAMES_PER_SECOND, Windows
from stt_worker.settings import SttSettings
from stt_worker.worker import weights, whisper

UTTERANCE_S = 6.0
"""What is typical between two pauses."""
EXACT = {"cpu": ("int8",), "cuda": ("float16", "bfloat16", "int8_float16")}
"""Arithmetic worth trying where the device has it, the most exact first. On a CPU all but int8 is far slower."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try."""

    threads: tuple[int, ...]
    compute_types: tuple[str, ...]
    batches: tuple[int, ...]
    rounds: int
    limit_s: float
    """When so much time has passed, what remains is left out, but for one trial of each kind."""

    @property
    def first_batch(self) -> int:
        """With which threads and arithmetic are compared."""
        return self.batches[len(self.batches) // 2]


def plan(settings: SttSettings, device: str, *, quick: bool) -> Plan:
    """What to try on this device. What the settings fix is not tried otherwise."""
    kind = device.partition(":")[0]
    supported = ctranslate2.get_supported_compute_types(kind, settings.device_index if kind == "cuda" else 0)
    found = tuple(name for name in EXACT[kind] if name in supported) or ("float32",)
    halves = tuple(cores() >> times for times in range(cores().bit_length()))
    threads = (0,) if kind == "cuda" else (settings.threads,) if settings.threads else halves
    compute_types = found if settings.compute_type == "auto" else (settings.compute_type,)
    if quick:
        return Plan(threads[:1], compute_types[:1], (1, 2), rounds=1, limit_s=5.0)
    batches = (1, 2, 4, 8) if kind == "cpu" else (1, 2, 4, 8, 16, 32, 64)
    return Plan(threads, compute_types, batches, rounds=2, limit_s=75.0)


def calibrate(
    settings: SttSettings, *, quick: bool = False, tell: Callable[[str], None] = lambda line: None
) -> Calibration:
    """Measure, and return what was found. Takes up to two minutes. Raises ModelError, or SetupError without a GPU."""
    directory = weights(settings)
    machine = describe(directory, settings)
    wanted = plan(settings, machine.device, quick=quick)
    sentences, speech = voice()
    return Trials(directory, settings, machine, wanted, sentences, tell).calibrate(speech)


class Trials:
    """One calibration under way."""

    def __init__(
        self,
        directory: Path,
        settings: SttSettings,
        machine: Machine,
        wanted: Plan,
        sentences: Sequence[Sound],
        tell: Callable[[str], None],
    ) -> None:
        self._directory, self._settings, self._machine, self._plan = directory, settings, machine, wanted
        self._sentences, self._tell = sentences, tell
        self._until = time.monotonic() + wanted.limit_s
        self._left_out: list[str] = []

    def calibrate(self, speech: str) -> Calibration:
        """Threads and arithmetic first, then the batch, then what a smaller beam saves and what previews cost."""
        others = busy()
        beam_size, compute_types = self._settings.beam_size, self._plan.compute_types
        ways = [(threads, kind) for kind in compute_types for threads in self._plan.threads]
        compared = []
        for threads, kind in self._in_time(ways, "threads, arithmetic"):
            recognizer = self._load(threads, kind)
            compared.append(self._trial(recognizer, threads, kind, self._plan.first_batch, beam_size))
        way = choose(compared, compute_types)
        recognizer = self._load(way.threads, way.compute_type)
        batches = list(self._batches(recognizer, way))
        best = choose(batches, compute_types)
        greedy = self._trial(recognizer, best.threads, best.compute_type, best.batch, 1)
        preview_s = timed(recognizer, [self._preview(UTTERANCE_S)] * best.batch, self._plan.rounds) / best.batch
        return Calibration(
            machine=self._machine,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            speech=speech,
            busy=others,
            threads=best.threads,
            compute_type=best.compute_type,
            batch=best.batch,
            final_cost=1 / best.throughput,
            greedy_cost=1 / greedy.throughput,
            preview_s=preview_s,
            previews=self._previews(recognizer),
            trials=(*compared, *batches, greedy),
            left_out=tuple(self._left_out),
        )

    def _batches(self, recognizer: FasterWhisper, way: Trial) -> Iterator[Trial]:
        """Ever larger ones, until time or memory ends."""
        for batch in self._in_time(self._plan.batches, "batch"):
            try:
                yield self._trial(recognizer, way.threads, way.compute_type, batch, way.beam_size)
            except RuntimeError as error:  # CTranslate2's, when the GPU's memory is full
                if batch == self._plan.batches[0]:
                    raise SetupError(f"not even one utterance can be decoded: {error}") from error
                self._left_out.append(f"batch: {batch} ({error})")
                return

    def _previews(self, recognizer: FasterWhisper) -> dict[int, float]:
        rule: Windows = recognizer.windows
        times: dict[int, float] = {}
        for size in self._in_time([frames // FRAMES_PER_SECOND for frames in rule.sizes], "preview window"):
            times[size] = waited(recognizer, [self._preview(size - rule.margin_s)], self._plan.rounds)
            self._tell(f"preview in a window of {size} s: {1000 * times[size]:.0f} ms")
        return times

    def _trial(self, recognizer: FasterWhisper, threads: int, compute_type: str, batch: int, beam_size: int) -> Trial:
        speeches = [Speech(said(self._sentences, i, UTTERANCE_S), "en", beam_size=beam_size) for i in range(batch)]
        trial = Trial(
            threads=threads,
            compute_type=compute_type,
            batch=batch,
            beam_size=beam_size,
            seconds=timed(recognizer, speeches, self._plan.rounds),
            audio_s=batch * UTTERANCE_S,
        )
        self._tell(
            f"threads {threads}, {compute_type}, batch {batch}, beam {beam_size}: "
            f"{trial.throughput:.1f} s of audio a second"
        )
        return trial

    def _preview(self, seconds: float) -> Speech:
        return Speech(said(self._sentences, 0, seconds), "en", words=True, final=False)

    def _load(self, threads: int, compute_type: str) -> FasterWhisper:
        way = {
            "device": self._machine.device.partition(":")[0],
            "compute_type": compute_type,
            "threads": threads,
            "batch": max(self._plan.batches),
        }
        recognizer = whisper(self._directory, self._settings.model_copy(update=way))
        if recognizer.device != self._machine.device:
            raise SetupError(f"{self._machine.device} cannot be used: `nova doctor` says more, or set STT_DEVICE=cpu")
        return recognizer

    def _in_time(self, choices: Sequence[T], what: str) -> Iterator[T]:
        """Those that there is time for; the first always."""
        for number, one in enumerate(choices):
            if number and time.monotonic() > self._until:
                self._left_out += [f"{what}: {rest}" for rest in choices[number:]]
                return
            yield one
