"""Measures one combination of settings after the other, within a time limit."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from backend.engines.loading import DeviceKind, supported_compute_types
from backend.errors import SetupError
from stt_worker.calibration.machine import cores, cpu_usage
from stt_worker.calibration.results import Calibration, MachineProfile, Trial, choose
from stt_worker.calibration.storage import describe_machine
from stt_worker.calibration.workload import Sound, latency, sample_sentences, time_per_batch, utterance
from stt_worker.loading import load_whisper_recognizer, model_directory
from stt_worker.recognizers.encoder_windows import FRAMES_PER_SECOND
from stt_worker.recognizers.recognizer import Speech
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings

# A typical length of speech between two pauses.
UTTERANCE_S = 6.0
# The compute types worth measuring, the most exact first. On a CPU, every type but int8 is several times slower.
EXACT: dict[DeviceKind, tuple[str, ...]] = {"cpu": ("int8",), "cuda": ("float16", "bfloat16", "int8_float16")}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """The values to measure. After `limit_s` seconds the rest is left out, except for one trial of each kind."""

    threads: tuple[int, ...]
    compute_types: tuple[str, ...]
    batches: tuple[int, ...]
    rounds: int
    limit_s: float

    @property
    def first_batch(self) -> int:
        """The batch size with which threads and compute types are compared."""
        return self.batches[len(self.batches) // 2]


def make_plan(settings: SttSettings, device: DeviceKind, *, quick: bool) -> TrialPlan:
    """Plan the trials for a device. Values that the settings fix are not varied."""
    supported = supported_compute_types(device, settings.device_index if device == "cuda" else 0)
    exact = tuple(name for name in EXACT[device] if name in supported) or ("float32",)
    halves = tuple(cores() >> times for times in range(cores().bit_length()))
    threads = (0,) if device == "cuda" else (settings.threads,) if settings.threads else halves
    compute_types = exact if settings.compute_type == "auto" else (settings.compute_type,)
    if quick:
        return TrialPlan(threads[:1], compute_types[:1], (1, 2), rounds=1, limit_s=5.0)
    batches = (1, 2, 4, 8) if device == "cpu" else (1, 2, 4, 8, 16, 32, 64)
    return TrialPlan(threads, compute_types, batches, rounds=2, limit_s=75.0)


def calibrate(
    settings: SttSettings, *, quick: bool = False, report: Callable[[str], None] = lambda line: None
) -> Calibration:
    """Measure this machine. Takes up to two minutes. Raises ModelError, or SetupError if the GPU cannot be used."""
    directory = model_directory(settings)
    machine = describe_machine(directory, settings)
    device: DeviceKind = "cuda" if machine.device.startswith("cuda") else "cpu"
    sentences, speech = sample_sentences()
    run = CalibrationRun(directory, settings, machine, make_plan(settings, device, quick=quick), sentences, report)
    return run.calibrate(speech)


class CalibrationRun:
    def __init__(
        self,
        directory: Path,
        settings: SttSettings,
        machine: MachineProfile,
        plan: TrialPlan,
        sentences: Sequence[Sound],
        report: Callable[[str], None],
    ) -> None:
        self._directory, self._settings, self._machine, self._plan = directory, settings, machine, plan
        self._sentences, self._report = sentences, report
        self._deadline = time.monotonic() + plan.limit_s
        self._left_out: list[str] = []

    def calibrate(self, speech: str) -> Calibration:
        """Compare threads and compute types, then batch sizes; then measure a beam of 1 and previews."""
        busy = cpu_usage()
        beam_size, compute_types = self._settings.beam_size, self._plan.compute_types
        combinations = [(threads, kind) for kind in compute_types for threads in self._plan.threads]
        compared = []
        for threads, kind in self._in_time(combinations, "threads, arithmetic"):
            recognizer = self._load(threads, kind)
            compared.append(self._trial(recognizer, threads, kind, self._plan.first_batch, beam_size))
        fastest = choose(compared, compute_types)
        recognizer = self._load(fastest.threads, fastest.compute_type)
        batches = list(self._batch_trials(recognizer, fastest))
        best = choose(batches, compute_types)
        greedy = self._trial(recognizer, best.threads, best.compute_type, best.batch, 1)
        previews = [self._preview(UTTERANCE_S)] * best.batch
        return Calibration(
            machine=self._machine,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            speech=speech,
            busy=busy,
            threads=best.threads,
            compute_type=best.compute_type,
            batch=best.batch,
            final_cost=1 / best.throughput,
            greedy_cost=1 / greedy.throughput,
            preview_s=time_per_batch(recognizer, previews, self._plan.rounds) / best.batch,
            previews=self._preview_latencies(recognizer),
            trials=(*compared, *batches, greedy),
            left_out=tuple(self._left_out),
        )

    def _batch_trials(self, recognizer: FasterWhisper, fastest: Trial) -> Iterator[Trial]:
        """Increase the batch size until time or memory runs out."""
        for batch in self._in_time(self._plan.batches, "batch"):
            try:
                yield self._trial(recognizer, fastest.threads, fastest.compute_type, batch, fastest.beam_size)
            except RuntimeError as error:  # CTranslate2 raises it when the GPU's memory is full
                if batch == self._plan.batches[0]:
                    raise SetupError(f"not even one utterance can be decoded: {error}") from error
                self._left_out.append(f"batch: {batch} ({error})")
                return

    def _preview_latencies(self, recognizer: FasterWhisper) -> dict[int, float]:
        windows = recognizer.windows
        times: dict[int, float] = {}
        for size in self._in_time([frames // FRAMES_PER_SECOND for frames in windows.sizes], "preview window"):
            times[size] = latency(recognizer, [self._preview(size - windows.margin_s)], self._plan.rounds)
            self._report(f"preview in a window of {size} s: {1000 * times[size]:.0f} ms")
        return times

    def _trial(self, recognizer: FasterWhisper, threads: int, compute_type: str, batch: int, beam_size: int) -> Trial:
        audio = [utterance(self._sentences, i, UTTERANCE_S) for i in range(batch)]
        speeches = [Speech(samples, "en", beam_size=beam_size) for samples in audio]
        trial = Trial(
            threads=threads,
            compute_type=compute_type,
            batch=batch,
            beam_size=beam_size,
            seconds=time_per_batch(recognizer, speeches, self._plan.rounds),
            audio_s=batch * UTTERANCE_S,
        )
        self._report(
            f"threads {threads}, {compute_type}, batch {batch}, beam {beam_size}: "
            f"{trial.throughput:.1f} s of audio per second"
        )
        return trial

    def _preview(self, seconds: float) -> Speech:
        return Speech(utterance(self._sentences, 0, seconds), "en", words=True, final=False)

    def _load(self, threads: int, compute_type: str) -> FasterWhisper:
        changes = {
            "device": self._machine.device.partition(":")[0],
            "compute_type": compute_type,
            "threads": threads,
            "batch": max(self._plan.batches),
        }
        recognizer = load_whisper_recognizer(self._directory, self._settings.model_copy(update=changes))
        if recognizer.device != self._machine.device:
            raise SetupError(f"{self._machine.device} cannot be used: run `nova doctor`, or set STT_DEVICE=cpu")
        return recognizer

    def _in_time(self, choices: Sequence[T], kind: str) -> Iterator[T]:
        """Yield the choices until the deadline, at least the first one."""
        for number, choice in enumerate(choices):
            if number and time.monotonic() > self._deadline:
                self._left_out += [f"{kind}: {rest}" for rest in choices[number:]]
                return
            yield choice
