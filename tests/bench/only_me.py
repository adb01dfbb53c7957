"""Words that `only_speaker` lets through: `python -m tests.bench.only_me`.

One enrolled speaker reads clips while another one speaks, in turn or at the same time at several levels. Counts the
errors in the words of the target, and the words of the other speaker that got through. Then it enrols voices that must
be refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from backend import models
from backend.engines.loading import Hardware
from backend.messages.protocol import Enrolment, Error, Final, SpeechIgnored, Start
from backend.messages.voices.profiles import VoiceProfile
from backend.text.edits import WordErrors
from backend.text.normalize import normalized_words
from gateway.session.actions import StoreVoice
from gateway.speakers.voices import SessionVoices
from stt_worker.loading import load_voice_model
from stt_worker.recognizers.recognizer import Recognizer, VoiceDescriber
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from stt_worker.voices import stage
from tests.bench.support.conversations import Samples, Saying, saying
from tests.paths import SHARED
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, shared_clips
from tests.testkit.models.offline_sessions import transcribe_all

VOICES = SHARED / "models" / "campplus_zh_en_192.onnx"
SPEAKERS = ("ls2609", "ls2033", "ls367", "ls533")
# Clips that enrol a voice, and clips of each speaker in a recording.
ENROLLED, SPOKEN = 3, 3
# Level of the target above the other voice, in dB. None: they take turns.
LEVELS_DB: tuple[float | None, ...] = (None, 10.0, 5.0, 0.0)
PAUSE_S = 1.2


@dataclass(frozen=True, slots=True)
class Scene:
    """A recording, and what each of the two speakers says in it."""

    pcm: NDArray[np.int16]
    target: str
    other: str


def sayings_of(speaker: str) -> list[Saying]:
    """The English clips of a speaker with 3 to 11 s of speech."""
    clips = [clip for clip in shared_clips() if clip.speaker == speaker and clip.text]
    return [one for one in map(saying, clips) if 3 <= len(one.samples) / RATE <= 11]


def in_pcm(parts: Sequence[Samples]) -> NDArray[np.int16]:
    """The parts with a pause after each."""
    pause = np.zeros(round(PAUSE_S * RATE), np.float32)
    joined = np.concatenate([piece for part in parts for piece in (part, pause)])
    pcm: NDArray[np.int16] = np.clip(np.rint(joined * 32_767), -32_768, 32_767).astype(np.int16)
    return pcm


def scene(own: Sequence[Saying], others: Sequence[Saying], level_db: float | None) -> Scene:
    """The clips in turn, or each pair at the same time."""
    pairs = list(zip(own, others, strict=True))
    if level_db is None:
        parts = [one.samples for pair in pairs for one in pair]
    else:
        parts = [overlapped(one.samples, second.samples, level_db) for one, second in pairs]
    return Scene(in_pcm(parts), " ".join(one.text for one in own), " ".join(one.text for one in others))


def overlapped(own: Samples, other: Samples, level_db: float) -> Samples:
    """Both voices from the beginning of the target's to its end. Clips have the same level."""
    mixed = own.copy()
    size = min(len(own), len(other))
    mixed[:size] += other[:size] * np.float32(10 ** (-level_db / 20))
    return mixed


def enrol(
    recognizer: Recognizer, model: VoiceDescriber, recordings: Sequence[Samples], name: str = "target"
) -> VoiceProfile | str:
    """The profile, or the reason why the voice is refused."""
    start = Start(language="en", enrol=Enrolment(name=name, consent=True))
    (session,) = transcribe_all(recognizer, [in_pcm(recordings)], [start], voices=model)
    for action in session.ended:
        if isinstance(action, StoreVoice):
            return action.profile
    return next((event.message for event in session.events if isinstance(event, Error)), "no answer")


def through(text: str, scene: Scene) -> int:
    """Words of the other speaker in the text that the target does not say."""
    own, other = (set(normalized_words(said, "en")) for said in (scene.target, scene.other))
    return sum(word in other - own for word in normalized_words(text, "en"))


def measured(
    name: str, scenes: Sequence[Scene], profiles: Sequence[VoiceProfile], recognizer: Recognizer, model: VoiceDescriber
) -> Iterator[cli.Row]:
    """One row without `only_speaker`, and one with it."""
    for only in (False, True):
        errors, words, others, ignored = WordErrors(), 0, 0, 0
        starts = [
            Start(language="en", partials=False, only_speaker=profile.name if only else "") for profile in profiles
        ]
        voices = [SessionVoices(target=profile if only else None) for profile in profiles]
        sessions = transcribe_all(recognizer, [one.pcm for one in scenes], starts, voices=model, session_voices=voices)
        for one, session in zip(scenes, sessions, strict=True):
            text = " ".join(event.text for event in session.events if isinstance(event, Final))
            errors.add(one.target, text)
            words, others = words + through(text, one), others + through(one.other, one)
            ignored += sum(event.duration_ms for event in session.events if isinstance(event, SpeechIgnored))
        yield {
            "second voice": name,
            "only_speaker": "yes" if only else "no",
            "WER of the target %": errors.percent,
            "words of the other": f"{words} of {others}",
            "ignored s": ignored / 1_000,
        }


def refusals(own: Sequence[Saying], other: Sequence[Saying], random: np.random.Generator) -> dict[str, list[Samples]]:
    """Recordings that must not be enrolled."""
    good = [one.samples for one in own[:ENROLLED]]
    noise = [random.normal(0, np.sqrt(np.mean(part**2)) / 2, len(part)).astype(np.float32) for part in good]
    return {
        "two samples": good[:2],
        "1.2 s each": [part[: round(1.2 * RATE)] for part in good],
        "noise at 6 dB": [part + hiss for part, hiss in zip(good, noise, strict=True)],
        "too quiet": [part * np.float32(0.01) for part in good],
        "another voice in the third": [*good[:2], other[0].samples],
        "two voices in each": [
            np.concatenate([part[: 3 * RATE], two.samples[: 3 * RATE]]) for part, two in zip(good, other, strict=False)
        ],
    }


@click.command()
@click.option("--targets", default=len(SPEAKERS), show_default=True, help="Speakers that are enrolled in turn.")
@cli.model_option("whisper-base")
@cli.seed_option
@cli.json_option
def main(targets: int, model: str, seed: int, json_file: Path | None) -> None:
    """Measure which words a session with one speaker lets through."""
    cli.log_errors_only()
    # A busy machine takes longer, but does not judge worse.
    stage.MAX_WAIT_S = 3_600.0
    voices = load_voice_model(SttSettings(voice_model=str(VOICES)) if VOICES.exists() else SttSettings())
    if voices is None:
        raise click.ClickException("campplus is not installed: run `nova models pull campplus`")
    progress = cli.progress()
    recognizer = FasterWhisper(models.fetch(model), model=model, hardware=Hardware("cpu"))
    said = {name: sayings_of(name) for name in SPEAKERS}
    names = SPEAKERS[:targets]
    profiles = []
    for name in names:
        made = enrol(recognizer, voices, [one.samples for one in said[name][:ENROLLED]])
        if isinstance(made, str):
            raise click.ClickException(f"{name} was not enrolled: {made}")
        profiles.append(made)
        progress(f"{name}: threshold {made.threshold}, short {made.short_threshold}, similarity {made.similarity}")
    rows = list[cli.Row]()
    for level in LEVELS_DB:
        pairs = zip(names, (*SPEAKERS[1:], SPEAKERS[0]), strict=False)
        scenes = [scene(said[own][ENROLLED:][:SPOKEN], said[other][:SPOKEN], level) for own, other in pairs]
        rows += measured("in turn" if level is None else f"{level:g} dB below", scenes, profiles, recognizer, voices)
        progress(str(rows[-1]))
    must = refusals(said[SPEAKERS[0]], said[SPEAKERS[1]], np.random.default_rng(seed))
    refused: list[cli.Row] = []
    for name, recordings in must.items():
        answer = enrol(recognizer, voices, recordings)
        refused.append({"enrolment": name, "answer": answer if isinstance(answer, str) else "ENROLLED"})
        progress(str(refused[-1]))
    wrong = tuple(str(row["enrolment"]) for row in refused if row["answer"] == "ENROLLED")
    report = Report(tuple(rows), tuple(refused), wrong)
    cli.finish(report, "\n".join([cli.table(rows), "", cli.table(refused)]), json_file)


@dataclass(frozen=True, slots=True)
class Report:
    """The two tables. `wrong`: voices that were enrolled although they must be refused."""

    rows: tuple[cli.Row, ...]
    refused: tuple[cli.Row, ...]
    wrong: tuple[str, ...]


if __name__ == "__main__":
    main()
