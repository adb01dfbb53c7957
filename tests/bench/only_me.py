"""Words that `only_speaker` lets through: `python -m tests.bench.only_me`.

One enrolled speaker reads clips while another one speaks, in turn or at the same time at several levels, or while a
television runs: two other speakers without pauses, also between the clips, with music below them. Counts the errors in
the words of the target, and the words of the others that got through. Then it enrols voices that must be refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from backend import models
from backend.engines.loading import Hardware
from backend.load.clips import decode
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
from stt_worker.voices.speech_level import without_pauses
from tests.bench.support.conversations import Samples, Saying, saying, trimmed
from tests.bench.support.mixed_samples import MIXES, mixed_enrolment
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
# Level of the target above a television, and of the television's speakers above its music, in dB.
TELEVISION_DB, MUSIC_DB = (10.0, 5.0, 0.0), 10.0
MUSIC = SHARED / "audio" / "noise" / "music-macroform-cold_day-60.flac"


@dataclass(frozen=True, slots=True)
class Scene:
    """A recording, what the target says in it, and what the others say."""

    pcm: NDArray[np.int16]
    target: str
    other: str


def sayings_of(speaker: str) -> list[Saying]:
    """The English clips of a speaker with 3 to 11 s of speech."""
    clips = [clip for clip in shared_clips() if clip.speaker == speaker and clip.text]
    return [one for one in map(saying, clips) if 3 <= len(one.samples) / RATE <= 11]


def in_samples(parts: Sequence[Samples]) -> Samples:
    """The parts with a pause after each."""
    pause = np.zeros(round(PAUSE_S * RATE), np.float32)
    return np.concatenate([piece for part in parts for piece in (part, pause)])


def to_pcm(samples: Samples) -> NDArray[np.int16]:
    pcm: NDArray[np.int16] = np.clip(np.rint(samples * 32_767), -32_768, 32_767).astype(np.int16)
    return pcm


def in_pcm(parts: Sequence[Samples]) -> NDArray[np.int16]:
    """The parts with a pause after each."""
    return to_pcm(in_samples(parts))


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


def with_television(own: Sequence[Saying], others: Sequence[Saying], level_db: float) -> Scene:
    """The clips of the target with pauses, and a television from the beginning to the end."""
    spoken = in_samples([one.samples for one in own])
    voices = np.concatenate([other.samples for other in others])
    shown = np.resize(voices, len(spoken))
    music = np.resize(trimmed(decode(MUSIC).astype(np.float32) / np.float32(32_768)), len(spoken))
    television = shown + music * np.float32(10 ** (-MUSIC_DB / 20))
    text = " ".join(other.text for other in others)
    return Scene(
        to_pcm(spoken + television * np.float32(10 ** (-level_db / 20))), " ".join(one.text for one in own), text
    )


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
        # Without pauses, in which an utterance of one voice would end.
        **{
            f"two voices in each, {name}": mixed_enrolment(fluent(own), fluent(other), MIXES[name])
            for name in ("turns of 1.5 s", "overlap, 0 dB")
        },
    }


def fluent(sayings: Sequence[Saying]) -> Samples:
    """The speech of all clips without its pauses."""
    return without_pauses(np.concatenate([one.samples for one in sayings]))


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
    for level in TELEVISION_DB:
        shown = [[*said[SPEAKERS[n - 1]][:SPOKEN], *said[SPEAKERS[n - 2]][:SPOKEN]] for n in range(len(names))]
        scenes = [
            with_television(said[own][ENROLLED:][:SPOKEN], others, level)
            for own, others in zip(names, shown, strict=True)
        ]
        rows += measured(f"television, {level:g} dB below", scenes, profiles, recognizer, voices)
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
