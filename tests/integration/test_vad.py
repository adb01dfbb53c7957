"""Speech detector and segmenter together, on synthetic sounds and on real recordings."""

import csv
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.errors import ModelError
from gateway.audio.silero import CONTEXT, Silero, WindowSequence, initial_state
from gateway.audio.vad import SpeechDetector
from gateway.session.segmenter import WINDOW, Segmenter, UtteranceEnded
from tests.paths import SHARED
from tests.testkit.audio.clips import decode

RATE = 16_000

AUDIO = SHARED / "audio"
needs_recordings = pytest.mark.skipif(not AUDIO.is_dir(), reason="no recordings beside the checkout")


@pytest.fixture(scope="module")
def silero() -> Silero:
    return Silero()


@cache
def recordings(kind: str) -> dict[str, NDArray[np.int16]]:
    return {path.stem: decode(path) for path in sorted((AUDIO / kind).glob("*.flac"))}


def probabilities(silero: Silero, samples: NDArray[np.int16]) -> NDArray[np.float32]:
    detector = SpeechDetector(silero)
    return np.concatenate([detector.detect_speech(samples)[1], detector.flush()[1]])


def unguarded(silero: Silero, samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Silero's probability of each window, without the gate."""
    windows = samples.reshape(-1, WINDOW)
    before = np.vstack([np.zeros_like(windows[:1]), windows[:-1]])
    [(chances, _)] = silero.infer([WindowSequence(np.hstack([before[:, -CONTEXT:], windows]), initial_state())])
    return chances


def utterances(silero: Silero, samples: NDArray[np.int16]) -> list[UtteranceEnded]:
    detector, segmenter = SpeechDetector(silero), Segmenter()
    events = (
        segmenter.process_windows(*detector.detect_speech(samples)[:2])
        + segmenter.process_windows(*detector.flush()[:2])
        + segmenter.end_utterance("stop")
    )
    return [event for event in events if isinstance(event, UtteranceEnded)]


def seconds(found: list[UtteranceEnded]) -> float:
    return sum(len(utterance.clip.pcm) for utterance in found) / 2 / RATE


def shaped(seed: int, seconds: float) -> NDArray[np.int16]:
    """Noise of changing loudness, which opens and closes the gate."""
    noise = np.random.default_rng(seed)
    swell = np.repeat(noise.choice([0.0, 300.0, 9_000.0], int(seconds)), RATE)
    waveform: NDArray[np.float64] = noise.standard_normal(len(swell)) * swell
    return waveform.clip(-32_768, 32_767).astype(np.int16)


def tones(*hertz: float, seconds: float = 10, beat: float = 0.0) -> NDArray[np.int16]:
    """A chord that starts again `beat` times a second."""
    time = np.arange(int(seconds * RATE)) / RATE
    chord: NDArray[np.float64] = np.mean([np.sin(2 * np.pi * pitch * time) for pitch in hertz], axis=0)
    waveform: NDArray[np.float64] = 12_000 * chord * np.exp(-3 * (time * beat % 1))
    return waveform.astype(np.int16)


SOUNDS = {
    "silence": np.zeros(10 * RATE, np.int16),
    "white noise": np.random.default_rng(1).normal(0, 2_000, 10 * RATE).astype(np.int16),
    "faint noise": np.random.default_rng(2).normal(0, 20, 10 * RATE).astype(np.int16),
    "noise floor of -70 dBFS": np.random.default_rng(3).normal(0, 10, 10 * RATE).astype(np.int16),
    "a noise floor that starts and stops": np.random.default_rng(4).normal(0, 10, 10 * RATE).astype(np.int16)
    * (np.arange(10 * RATE) // RATE % 2).astype(np.int16),
    "hum": tones(50, 100, 150),
    "a held chord": tones(262, 330, 392),
    "a struck chord": tones(262, 330, 392, beat=2),
    "dialling": tones(697, 1_209, beat=4),
    "clicks": np.where(np.arange(10 * RATE) % RATE < 30, 25_000, 0).astype(np.int16),
    "full-scale square": np.where(np.arange(10 * RATE) % 80 < 40, 32_767, -32_768).astype(np.int16),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds_without_speech_give_no_utterance(silero: Silero, name: str) -> None:
    assert utterances(silero, SOUNDS[name]) == []


def test_the_network_does_not_run_during_silence(silero: Silero) -> None:
    assert not probabilities(silero, np.zeros(RATE * 60, np.int16)).any()


def test_audio_before_a_long_silence_has_no_effect(silero: Silero) -> None:
    silence, sound = np.zeros(31 * WINDOW * 10, np.int16), SOUNDS["white noise"][: 31 * WINDOW]
    after_noise = probabilities(silero, np.concatenate([SOUNDS["faint noise"], sound, silence, sound]))
    after_music = probabilities(silero, np.concatenate([SOUNDS["a struck chord"], sound, silence, sound]))
    assert after_noise[-31:].any()
    # The result of a matrix product depends in its last bits on the shape of the batch and on the processor.
    np.testing.assert_allclose(after_noise[-31:], after_music[-31:], atol=1e-5)


def by_onnxruntime(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Probabilities of the original ONNX file for whole windows."""
    spec = find_spec("faster_whisper")
    assert spec is not None
    assert spec.origin is not None
    network = onnxruntime.InferenceSession(
        str(Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"), providers=["CPUExecutionProvider"]
    )
    windows = samples.reshape(-1, WINDOW)
    inputs = np.hstack([np.vstack([np.zeros_like(windows[:1]), windows[:-1]])[:, -CONTEXT:], windows])
    nothing = np.zeros((1, 1, 128), np.float32)
    chances: NDArray[np.float32] = network.run(
        None, {"input": inputs / np.float32(32_768), "h": nothing, "c": nothing}
    )[0]
    return chances


@pytest.mark.parametrize("name", SOUNDS)
def test_probabilities_of_sounds_match_the_original_network(silero: Silero, name: str) -> None:
    samples = SOUNDS[name][: 300 * WINDOW]
    np.testing.assert_allclose(unguarded(silero, samples), by_onnxruntime(samples), atol=1e-4)


@needs_recordings
def test_probabilities_of_speech_match_the_original_network(silero: Silero) -> None:
    farthest = 0.0
    for samples in list(recordings("dev").values())[::9]:
        whole = samples[: len(samples) // WINDOW * WINDOW]
        farthest = max(farthest, float(np.abs(unguarded(silero, whole) - by_onnxruntime(whole)).max()))
    print(f"greatest difference {farthest:.1e}")
    assert farthest < 1e-4


@settings(max_examples=25)
@given(st.integers(0, 1_000), st.lists(st.integers(0, 40_000), max_size=12))
def test_the_result_does_not_depend_on_how_the_audio_is_split(seed: int, cuts: list[int]) -> None:
    silero, samples = Silero(), shaped(seed, seconds=8)
    detector, at, windows, chances = SpeechDetector(silero), 0, [], []
    for size in [*cuts, len(samples)]:
        part, judged, _ = detector.detect_speech(samples[at : at + size])
        windows.append(part)
        chances.append(judged)
        at += size
    _, last, _ = detector.flush()
    np.testing.assert_array_equal(np.concatenate(windows).reshape(-1), samples[: len(samples) // WINDOW * WINDOW])
    np.testing.assert_allclose(np.concatenate([*chances, last]), probabilities(silero, samples), atol=1e-4)


def test_the_last_samples_are_padded_to_a_window(silero: Silero) -> None:
    detector = SpeechDetector(silero)
    assert detector.detect_speech(np.full(WINDOW + 100, 7, np.int16))[0].shape == (1, WINDOW)
    [window], [_], [_] = detector.flush()
    assert window[:100].tolist() == [7] * 100
    assert not window[100:].any()
    assert detector.flush()[0].shape == (0, WINDOW)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"silero_vad\.onnx"):
        Silero(tmp_path / "silero_vad.onnx")


@needs_recordings
def test_noise_and_music_are_rarely_detected_as_speech(silero: Silero) -> None:
    found = {name: utterances(silero, samples) for name, samples in recordings("noise").items()}
    for name, heard in found.items():
        print(f"{name}: {len(heard)} utterances, {seconds(heard):.1f} s")
    # The residue of a speech corpus is babble, which every detector treats as speech. The rest stays below one percent.
    rest = {name: heard for name, heard in found.items() if not name.startswith("demand-residual")}
    total = sum(len(recordings("noise")[name]) for name in rest) / RATE
    assert sum(map(seconds, rest.values())) < 0.01 * total
    assert sum(map(len, rest.values())) <= 5
    assert seconds([u for name, heard in found.items() if "synthetic" in name for u in heard]) == 0


def at_level(samples: NDArray[np.int16], decibels: float) -> NDArray[np.int16]:
    """The same recording with this RMS, in dB of full scale."""
    rms = float(np.sqrt(np.square(samples, dtype=np.float64).mean()))
    scaled: NDArray[np.floating] = samples * (32_768 * 10 ** (decibels / 20) / max(rms, 1.0))
    samples_at_level: NDArray[np.int16] = np.rint(scaled).clip(-32_768, 32_767).astype(np.int16)
    return samples_at_level


@needs_recordings
def test_quiet_speech_is_detected_like_loud_speech(silero: Silero) -> None:
    inside = speech = 0
    for name, samples in list(recordings("dev").items())[4::9]:
        spoken = probabilities(silero, at_level(samples, -20)) >= 0.5
        within = np.zeros(len(spoken), bool)
        for utterance in utterances(silero, at_level(samples, -60)):
            within[utterance.clip.start_sample // WINDOW : utterance.clip.end_sample // WINDOW] = True
        assert within.any(), name
        inside, speech = inside + int((within & spoken).sum()), speech + int(spoken.sum())
    print(f"{inside} of {speech} windows of speech at -60 dBFS")
    assert inside > 0.998 * speech


@needs_recordings
def test_quiet_noise_is_not_amplified_to_speech(silero: Silero) -> None:
    quiet = {name: at_level(samples, -56) for name, samples in recordings("noise").items() if "demand" not in name}
    total = sum(map(len, quiet.values())) / RATE
    assert sum(seconds(utterances(silero, samples)) for samples in quiet.values()) < 0.01 * total


@needs_recordings
def test_almost_all_windows_that_silero_calls_speech_are_inside_utterances(silero: Silero) -> None:
    inside = speech = covered = total = 0
    for name, samples in recordings("dev").items():
        found, chances = utterances(silero, samples), probabilities(silero, samples)
        assert found, f"{name}: no utterance"
        within = np.zeros(len(chances), bool)
        for utterance in found:
            within[utterance.clip.start_sample // WINDOW : utterance.clip.end_sample // WINDOW] = True
        inside, speech = inside + int((within & (chances >= 0.5)).sum()), speech + int((chances >= 0.5).sum())
        covered, total = covered + int(within.sum()), total + len(within)
    print(f"{inside} of {speech} windows of speech; {covered / total:.1%} of the audio")
    assert inside > 0.999 * speech
    assert 0.8 < covered / total < 0.97


def brightness(samples: NDArray[np.int16]) -> float:
    """Loudness without low frequencies, such as the rumble of a microphone."""
    return float(np.abs(np.diff(samples.astype(np.int32))).mean()) if len(samples) > 1 else 0.0


@needs_recordings
def test_the_first_and_last_sounds_of_a_clip_are_not_cut_off(silero: Silero) -> None:
    """The 200 ms before the first and after the last utterance are less than half as loud as the speech."""
    for name, samples in recordings("dev").items():
        found, margin = utterances(silero, samples), RATE // 5
        start, end = found[0].clip.start_sample, found[-1].clip.end_sample
        beside = samples[max(0, start - margin) : start], samples[end : end + margin]
        assert max(map(brightness, beside)) < 0.5 * brightness(samples[start:end]), name


@needs_recordings
def test_a_long_silence_does_not_delay_the_detection_of_speech(silero: Silero) -> None:
    """The gate is closed, so the network starts with warm-up windows."""
    manifest = (AUDIO / "dev" / "manifest.tsv").read_text(encoding="utf-8").splitlines()
    short = [row["id"] for row in csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE)][:40:4]
    silence = np.zeros(20 * 31 * WINDOW, np.int16)
    for name in short:
        clip = recordings("dev")[name]
        alone = utterances(silero, clip)[0].clip.start_sample
        after = utterances(silero, np.concatenate([silence, clip]))[0].clip.start_sample - len(silence)
        assert after <= alone + 2 * WINDOW, name
