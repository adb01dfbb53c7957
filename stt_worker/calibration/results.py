"""The results of a calibration: the best settings, and how many sessions the machine can serve. Pure."""

from collections.abc import Sequence

from pydantic import BaseModel, Field, ValidationError

from stt_worker.settings import SttSettings

# Smaller batches, which have a lower latency, and fewer threads are preferred if they reach this share of the best
# throughput.
GOOD_ENOUGH = 0.95
# The share of a machine's time to plan for. Above it, jobs wait for each other longer than their own work takes.
FULL = 0.7
# The share of a session's time in which someone speaks.
TALKING = 0.5
# The settings that a calibration fills in.
CALIBRATED_SETTINGS = ("threads", "compute_type", "batch")


class CalibrationData(BaseModel, frozen=True, extra="forbid"):
    """Base of the stored records. Unknown fields are errors: a file of another version is measured again."""


class MachineProfile(CalibrationData):
    """The conditions that a calibration is valid for.

    `model`: directory name and size of the weights; `device`: "cpu" or "cuda:0"; `hardware`: name of the processor and
    number of cores, or name and driver of the GPU; `versions`: of the packages that do the work.
    """

    model: str
    device: str
    hardware: str
    versions: dict[str, str]


class Trial(CalibrationData):
    """One combination of settings and its measurement.

    `threads` is 0 on a GPU. `seconds` is the time for a batch, `audio_s` the audio in it.
    """

    threads: int = Field(ge=0)
    compute_type: str
    batch: int = Field(ge=1)
    beam_size: int = Field(ge=1)
    seconds: float = Field(gt=0)
    audio_s: float = Field(gt=0)

    @property
    def throughput(self) -> float:
        """Seconds of audio decoded per second."""
        return self.audio_s / self.seconds


class Calibration(CalibrationData):
    """A machine and the best settings for it.

    `measured_at` is in ISO 8601, `speech` describes the test audio, and `busy` is the share of the CPU that other
    programs used just before. `final_cost` is the real-time factor of finals in such batches, `greedy_cost` the same
    with a beam of 1. `preview_s` is the time for a preview of a typical utterance in a batch, and `previews` the time
    for a single one by the length of its window in seconds. `left_out` names the trials that there was no time for.
    """

    machine: MachineProfile
    measured_at: str
    speech: str
    busy: float = Field(ge=0, le=1)
    threads: int = Field(ge=0)
    compute_type: str
    batch: int = Field(ge=1, le=256)
    final_cost: float = Field(gt=0)
    greedy_cost: float = Field(gt=0)
    preview_s: float = Field(gt=0)
    previews: dict[int, float]
    trials: tuple[Trial, ...]
    left_out: tuple[str, ...] = ()

    @property
    def sessions(self) -> int:
        """Live sessions that this machine can serve with a preview for every second of speech."""
        return live_sessions(self.final_cost, self.preview_s)

    @property
    def sessions_without_previews(self) -> int:
        """Live sessions that this machine can serve when backpressure has stopped previews."""
        return live_sessions(self.final_cost, 0.0)


def choose(trials: Sequence[Trial], compute_types: Sequence[str]) -> Trial:
    """Choose the smallest batch near the best throughput; then the most exact compute type, then the fewest threads.

    `compute_types` lists those of the trials, the most exact first. Raises ValueError if there are no trials.
    """
    best = max(trial.throughput for trial in trials)
    return min(
        (trial for trial in trials if trial.throughput >= GOOD_ENOUGH * best),
        key=lambda trial: (trial.batch, compute_types.index(trial.compute_type), trial.threads),
    )


def live_sessions(final_cost: float, preview_s: float) -> int:
    """Estimate the number of simultaneous sessions: a second of speech costs a second of finals and one preview."""
    # The small term compensates for rounding: 0.7 / 0.05 is slightly less than 14.
    return int(FULL / (TALKING * (final_cost + preview_s)) + 1e-9)


def apply(settings: SttSettings, calibration: Calibration) -> SttSettings:
    """Fill in the calibrated settings that are left at their defaults."""
    best: dict[str, object] = {}
    if settings.threads == 0:
        best["threads"] = calibration.threads
    if settings.compute_type == "auto":
        best["compute_type"] = calibration.compute_type
    if "batch" not in settings.model_fields_set:
        best["batch"] = calibration.batch
    return settings.model_copy(update=best)


def parse(text: str, machine: MachineProfile) -> tuple[Calibration | None, str]:
    """Parse a stored calibration; return None and the reason if it is damaged or of another machine."""
    try:
        calibration = Calibration.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return None, f"damaged: {'.'.join(map(str, first['loc']))} {first['msg']}".replace("  ", " ")
    if calibration.machine != machine:
        then, now = calibration.machine.model_dump(), machine.model_dump()
        return None, f"of another {', '.join(name for name in now if now[name] != then[name])}"
    return calibration, ""
