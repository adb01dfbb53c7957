"""What was measured on a machine, what is best for it, and how many sessions that serves. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stt_worker.settings import SttSettings

GOOD_ENOUGH = 0.95
"""Of the best throughput: what comes so close for less is taken instead."""
FULL = 0.7
"""The share of a machine's time to plan for; beyond, each waits for others longer than its own work takes."""
TALKING = 0.5
"""The share of a session's time in which somebody speaks."""
FOUND = ("threads", "compute_type", "batch")
"""The settings that a calibration fills in."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(_Record):
    """What a calibration holds for; on any other it says nothing."""

    model: str
    """The name of its directory, and the bytes of its weights."""
    device: str
    """ "cpu" or "cuda:0"."""
    hardware: str
    """The processor's or the graphics card's name, and the number of cores."""
    versions: dict[str, str]
    """Of the packages that do the work."""


class Trial(_Record):
    """One way to decode, and what it took."""

    threads: int = Field(ge=0)
    """Of the CPU; 0 on a GPU."""
    compute_type: str
    batch: int = Field(ge=1)
    beam_size: int = Field(ge=1)
    seconds: float = Field(gt=0)
    """For a batch."""
    audio_s: float = Field(gt=0)
    """Seconds of audio in a batch."""

    @property
    def throughput(self) -> float:
        """Seconds of audio in each second."""
        return self.audio_s / self.seconds


class Calibration(_Record):
    """A machine, and what was found best on it."""

    machine: Machine
    measured_at: str
    """ISO 8601."""
    speech: str
    """What was listened to."""
    busy: float = Field(ge=0, le=1)
    """The share of the machine's time that others took just before."""
    threads: int = Field(ge=0)
    compute_type: str
    batch: int = Field(ge=1, le=256)
    final_cost: float = Field(gt=0)
    """Seconds for each second of audio of a final, in such batches: the real-time factor."""
    greedy_cost: float = Field(gt=0)
    """The same with a beam of 1."""
    preview_s: float = Field(gt=0)
    """Seconds for a preview of a typical utterance."""
    previews: dict[int, float]
    """Seconds for a preview alone, by the seconds of the window that it fills."""
    trials: tuple[Trial, ...]
    left_out: tuple[str, ...] = ()
    """What there was no time for."""

    @property
    def sessions(self) -> int:
        """ChannelMessage sessions that this machine should serve with a preview for every second of speech."""
        return live_sessions(self.final_cost, self.preview_s)

    @property
    def sessions_without_previews(self) -> int:
        """The same when previews have given way."""
        return live_sessions(self.final_cost, 0.0)


def choose(trials: Sequence[Trial], compute_types: Sequence[str]) -> Trial:
    """The smallest batch within 5 % of the best throughput; of such the most exact arithmetic, and the fewest threads.

    `compute_types`: those among the trials, the most exact first. Raises ValueError without a trial.
    """
    best = max(trial.throughput for trial in trials)
    return min(
        (trial for trial in trials if trial.throughput >= GOOD_ENOUGH * best),
        key=lambda trial: (trial.batch, compute_types.index(trial.compute_type), trial.threads),
    )


def live_sessions(final_cost: float, preview_s: float) -> int:
    """Sessions at once: while one talks, each second brings a second of audio for finals, and one preview."""
    return int(FULL / (TALKING * (final_cost + preview_s)) + 1e-9)  # 0.7 / 0.05 is less than 14


def applied(settings: SttSettings, found: Calibration) -> SttSettings:
    """The settings, filled in where they leave it to us. What somebody has set stays."""
    best: dict[str, object] = {}
    if settings.threads == 0:
        best["threads"] = found.threads
    if settings.compute_type == "auto":
        best["compute_type"] = found.compute_type
    if "batch" not in settings.model_fields_set:
        best["batch"] = found.batch
    return settings.model_copy(update=best)


def read(text: str, machine: Machine) -> tuple[Calibration | None, str]:
    """What a file says, if it is of this machine; else None, and what speaks against it."""
    try:
        found = Calibration.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return None, f"damaged: {'.'.join(map(str, first['loc']))} {first['msg']}".replace("  ", " ")
    if found.machine != machine:
        then, now = found.machine.model_dump(), machine.model_dump()
        return None, f"of another {', '.join(name for name in now if now[name] != then[name])}"
    return found, ""
