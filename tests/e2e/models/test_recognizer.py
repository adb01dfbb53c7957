"""The recognizer with real weights, on speech of several sessions."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from backend.engines.loading import Hardware
from backend.errors import ModelError
from backend.text.edits import WordErrors
from stt_worker.continuation import recognize_with_drafts
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.recognizers.recognizer import RecognizedWord, Speech
from stt_worker.recognizers.whisper import FasterWhisper
from tests.testkit.audio.clips import Clip, decode
from tests.testkit.models.preview_replay import replay
from tests.testkit.sample import sampled, whole

RATE = 16_000


@pytest.fixture(scope="module")
def whisper(whisper_base: Path) -> FasterWhisper:
    return FasterWhisper(whisper_base, model="base", hardware=Hardware("cpu", threads=2), batch_size=4)


@pytest.fixture(scope="module")
def english(speech_clips: list[Clip]) -> list[Clip]:
    """Clips of different lengths and windows."""
    clips = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
    return sorted(clips, key=lambda clip: len(clip.pcm()))[:: max(1, len(clips) // 6)]


def sound(clip: Clip) -> NDArray[np.float32]:
    return floats(clip.pcm())


def floats(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    return pcm.astype(np.float32) / np.float32(32_768)


def test_speech_in_a_shared_batch_is_recognized_like_speech_alone(
    whisper: FasterWhisper, english: Sequence[Clip]
) -> None:
    batch = [Speech(sound(clip), "en", beam_size=1 + 4 * (i % 2)) for i, clip in enumerate(english)]
    together = whisper.recognize(batch)
    assert [heard.text for heard in together] == [whisper.recognize([speech])[0].text for speech in batch]
    score = WordErrors("en")
    for clip, heard in zip(english, together, strict=True):
        score.add(clip.text, heard.text)
    assert score.percent <= 30


@pytest.mark.slow
def test_the_end_of_a_long_utterance_continues_the_words_of_its_preview(
    whisper: FasterWhisper, speech_clips: list[Clip]
) -> None:
    clips = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
    clips = sampled(sorted(clips, key=lambda clip: -len(clip.pcm()))[:8], 2)
    sounds = [sound(clip) for clip in clips]
    previews = [Speech(samples[: -RATE // 2], "en", words=True, final=False) for samples in sounds]
    drafts = [with_logprobs(heard.words) for heard in whisper.recognize(previews)]
    finals = [Speech(samples, "en", beam_size=5) for samples in sounds]
    continued = recognize_with_drafts(
        whisper, [replace(one, draft=draft) for one, draft in zip(finals, drafts, strict=True)]
    )
    assert sum(heard.continued for heard in continued) >= 2, "no draft was probable: the test proves nothing"
    errors = []
    for texts in (continued, whisper.recognize(finals)):
        score = WordErrors("en")
        for clip, heard in zip(clips, texts, strict=True):
            score.add(clip.text, heard.text)
        errors.append(score.percent)
    assert errors[0] <= errors[1] + 3, errors


def with_logprobs(words: Sequence[RecognizedWord]) -> tuple[RecognizedWord, ...]:
    """Words as a job carries them."""
    return tuple(replace(word, logprob=math.log(max(word.probability, 1e-6))) for word in words)


@pytest.mark.slow
def test_the_language_is_detected_among_the_allowed_ones(whisper: FasterWhisper, speech_clips: list[Clip]) -> None:
    spoken = {"es": ("es", "pt"), "fr": ("fr", "en"), "it": ("it", "es"), "zh": ("zh", "ja"), "de": ("de", "nl")}
    clips = [next(clip for clip in speech_clips if clip.language == language) for language in spoken]
    sounds = [sound(clip)[: 12 * RATE] for clip in clips]
    right = whisper.recognize([Speech(one, allowed=spoken[c.language]) for one, c in zip(sounds, clips, strict=True)])
    assert [heard.language for heard in right] == list(spoken)
    wrong = whisper.recognize([Speech(one, allowed=("en", "ko")) for one in sounds])
    assert {heard.language for heard in wrong} <= {"en", "ko"}, "no other language is ever chosen"
    assert all(set(heard.languages) == {"en", "ko"} for heard in wrong)


def test_joined_words_are_the_text_and_their_times_are_within_the_audio(
    whisper: FasterWhisper, english: Sequence[Clip]
) -> None:
    batch = [Speech(sound(clip), "en", words=True) for clip in english]
    for speech, heard in zip(batch, whisper.recognize(batch), strict=True):
        assert heard.words
        assert "".join(word.text for word in heard.words).strip() == heard.text
        starts = [word.start for word in heard.words]
        assert starts == sorted(starts)
        assert all(0 <= word.start <= word.end <= len(speech.samples) / RATE + 0.1 for word in heard.words)
        assert all(0 <= word.probability <= 1 for word in heard.words)
        assert np.mean([word.probability for word in heard.words]) > 0.3


def test_text_in_another_language_does_not_continue_the_text_before_it(
    whisper: FasterWhisper, speech_clips: list[Clip]
) -> None:
    before = " ".join(clip.text for clip in speech_clips if clip.language == "en")[:240]
    alone = [Speech(sound(clip)) for clip in speech_clips if clip.language in ("es", "fr") and clip.kind == "utt"][:4]
    continued = [replace(speech, context=before, context_language="en") for speech in alone]
    assert [heard.text for heard in whisper.recognize(continued)] == [heard.text for heard in whisper.recognize(alone)]


def test_a_hypothesis_begins_with_its_prefix_and_continues_after_it(
    whisper: FasterWhisper, english: Sequence[Clip]
) -> None:
    longest = sound(english[-1])
    free = whisper.recognize([Speech(longest, "en")])[0]
    half = " ".join(free.text.split()[: len(free.text.split()) // 2])
    prefixes = ["", half, half.upper(), "Quite another beginning, with “signs” — and  spaces"]
    batch = [Speech(longest, "en", prefix=prefix, final=False, words=True) for prefix in prefixes]
    for prefix, heard in zip(prefixes, whisper.recognize(batch), strict=True):
        assert heard.text.startswith(prefix)
        assert "".join(word.text for word in heard.words).strip() == heard.text
    same = WordErrors("en")
    same.add(free.text, whisper.recognize([batch[1]])[0].text)
    assert same.percent <= 15, "what follows the right words should be the right words"


def test_a_prefix_that_fills_the_decoder_is_returned_whole(whisper: FasterWhisper, english: Sequence[Clip]) -> None:
    prefix = " ".join(f"{number} bottles" for number in range(150))
    heard = whisper.recognize([Speech(sound(english[0]), "en", prefix=prefix, final=False)])[0]
    assert heard.text.startswith(prefix)


def test_prompts_of_any_length_and_content_share_a_call(whisper: FasterWhisper, english: Sequence[Clip]) -> None:
    samples = sound(english[-1])
    prompts = ["", "A tale.", "<|startoftranscript|><|fr|><|endoftext|>", "long " * 400]
    hotwords = ["", "Quilter", "", "names, " * 300]
    batch = [
        Speech(samples, "en", prompt=prompt, hotwords=words) for prompt, words in zip(prompts, hotwords, strict=True)
    ]
    heard = whisper.recognize(batch)
    assert all(hypothesis.text for hypothesis in heard[:3])
    assert "<|" not in "".join(hypothesis.text for hypothesis in heard)


def test_a_hotword_determines_the_spelling(
    whisper: FasterWhisper, shared_folder: Path, speech_clips: list[Clip]
) -> None:
    clip = next(clip for clip in speech_clips if clip.id == "ls-2033-164914-0005")
    plain, hinted = whisper.recognize(
        [Speech(sound(clip), "en", hotwords=words, beam_size=5) for words in ("", "Zau al Makan")]
    )
    assert "Makan" not in plain.text
    assert "Zau al Makan" in hinted.text


def test_languages_are_detected_separately_in_one_call(
    whisper: FasterWhisper, shared_folder: Path, speech_clips: list[Clip]
) -> None:
    clips = [
        next(clip for clip in speech_clips if clip.language == language and clip.kind == "utt")
        for language in ("en", "fr", "ru", "zh", "ja")
    ]
    heard = whisper.recognize([Speech(sound(clip), words=True) for clip in clips])
    assert [hypothesis.language for hypothesis in heard] == [clip.language for clip in clips]
    assert all(0.3 < hypothesis.language_probability <= 1 for hypothesis in heard)
    assert all("".join(word.text for word in h.words).strip() == h.text for h in heard)


def test_the_languages_are_those_of_the_vocabulary(whisper: FasterWhisper) -> None:
    assert whisper.languages is not None
    assert {"en", "zh", "jw", "haw"} <= set(whisper.languages)
    assert "yue" not in whisper.languages, "only large-v3 and its derivatives know Cantonese"
    assert len(whisper.languages) == 99


def test_a_short_piece_of_another_language_does_not_change_the_language(
    whisper: FasterWhisper, shared_folder: Path, speech_clips: list[Clip]
) -> None:
    clip = next(clip for clip in speech_clips if clip.language == "fr" and clip.kind == "utt")
    moment, sentence = sound(clip)[: RATE * 3 // 2], sound(clip)
    heard = whisper.recognize([Speech(moment, last_language="en", final=False), Speech(sentence, last_language="en")])
    assert [hypothesis.language for hypothesis in heard] == ["en", "fr"]


def test_word_times_do_not_change_the_text(
    whisper: FasterWhisper, shared_folder: Path, speech_clips: list[Clip]
) -> None:
    # In its first window, the whole of this clip is decoded twice.
    sounds = [sound(next(clip for clip in speech_clips if clip.id == "ls-2609-156975-0001"))]
    sounds.append(np.concatenate([sounds[0], sounds[0]]))
    plain, timed = (whisper.recognize([Speech(s, "en", beam_size=5, words=w) for s in sounds]) for w in (False, True))
    assert [h.text for h in timed] == [h.text for h in plain]
    assert plain[0].text.lower().count("genius") == 1
    assert plain[1].text.lower().count("genius") == 2


@pytest.mark.parametrize("samples", [0, 1, 100, 1600])
def test_very_short_audio_is_not_an_error(whisper: FasterWhisper, samples: int) -> None:
    heard = whisper.recognize(
        [Speech(np.zeros(samples, np.float32), words=True, final=final) for final in (True, False)]
    )
    assert [bool(h.text) and not withhold_reason(h, samples / RATE) for h in heard] == [False, False]


def test_audio_that_cannot_be_decoded_is_refused(whisper: FasterWhisper) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        whisper.recognize([Speech(np.zeros(RATE * 31, np.float32), "en")])
    with pytest.raises(ValueError, match="xx"):
        whisper.recognize([Speech(np.zeros(RATE, np.float32), "xx")])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_noise_and_music_produce_almost_no_text_even_without_a_voice_detector(
    whisper: FasterWhisper, shared_folder: Path
) -> None:
    """One file may give text, which depends on the processor. Text in two of five fails in 89 % of the samples."""
    files = sorted((shared_folder / "audio" / "noise").glob("*.flac"))
    assert len(files) >= 23
    pieces = [(file.stem, floats(decode(file))[: 15 * RATE]) for file in sampled(files, 3)]
    heard = whisper.recognize([Speech(samples, beam_size=5) for _, samples in pieces])
    shown = [
        (name, hypothesis.text)
        for (name, samples), hypothesis in zip(pieces, heard, strict=True)
        if hypothesis.text and not withhold_reason(hypothesis, len(samples) / RATE)
    ]
    assert len(shown) <= 1, shown


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_few_committed_words_are_contradicted(
    whisper: FasterWhisper, english: Sequence[Clip], capsys: pytest.CaptureFixture[str]
) -> None:
    # Two long clips, with 41 of the 45 words that are committed in all seven. One contradicted word is accepted.
    clips = english if whole() else english[-3::2]
    figures = replay(whisper, [sound(clip) for clip in clips])
    with capsys.disabled():
        print(
            f"\nreplay of {len(clips)} clips: {figures.committed_percent:.0f} % committed before the final,"
            f" {figures.contradicted_percent:.1f} % of it contradicted, erasure {figures.erasure:.2f}"
        )
    assert figures.committed_words > 0
    assert figures.contradicted_percent <= 4
    assert figures.erasure <= 0.25


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="this machine has a GPU that works")
def test_without_a_working_gpu_the_model_runs_on_the_cpu_with_a_warning(
    whisper_tiny: Path, english: Sequence[Clip]
) -> None:
    with capture_logs() as logs:
        hardware = Hardware("cuda", compute_type="float16", threads=2)
        whisper = FasterWhisper(whisper_tiny, model="tiny", hardware=hardware)
    assert whisper.device == "cpu"
    warning = next(line for line in logs if line["event"] == "gpu_unusable")
    assert (warning["log_level"], warning["fallback"]) == ("warning", "cpu")
    assert "CUDA" in warning["error"]
    assert whisper.recognize([Speech(sound(english[-1]), "en")])[0].text


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model"):
        FasterWhisper(tmp_path, model="none", hardware=Hardware("cpu"))


def test_damaged_weights_are_refused(tmp_path: Path, whisper_tiny: Path) -> None:
    for file in whisper_tiny.iterdir():
        (tmp_path / file.name).write_bytes(
            file.read_bytes()[:100_000] if file.name == "model.bin" else file.read_bytes()
        )
    with pytest.raises(ModelError, match="cannot load the model"):
        FasterWhisper(tmp_path, model="broken", hardware=Hardware("cpu"))


def test_tokens_are_the_text_with_the_log_probabilities_of_its_mean(
    whisper: FasterWhisper, speech_clips: Sequence[Clip]
) -> None:
    spoken = {clip.language: clip for clip in speech_clips if clip.kind == "utt"}
    for language, clip in spoken.items():
        (heard,) = whisper.recognize([Speech(sound(clip), language, words=True, tokens=True)])
        tokens = [token for word in heard.words for token in word.tokens]
        assert b"".join(token.spelling for token in tokens).decode().strip() == heard.text, language
        # The mean of the hypothesis also counts the end of the text.
        mean = sum(token.logprob for token in tokens) / len(tokens)
        assert mean == pytest.approx(heard.avg_logprob, abs=0.15), language
