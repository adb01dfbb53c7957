"""Whisper, in batches of audio from any sessions.

faster-whisper provides the weights, the mel features and the tokenizer. The decoding is implemented here, because
faster-whisper batches pieces of one recording only. It runs on CTranslate2, or on PyTorch
(`stt_worker.recognizers.pytorch`). CTranslate2 requires that all items of a batch have the same window size, the task
tokens at the same position, and the same number of them. Languages and tasks may differ, and forced text after the task
tokens may have any length.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import numpy as np
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from numpy.typing import NDArray

from backend.engines.loading import Hardware
from backend.messages.jobs import SAMPLE_RATE
from backend.service import tracing
from backend.text.normalize import letters
from stt_worker.guards.contexts import is_misled
from stt_worker.recognizers.answers import Answer, GuardedHypothesis, seconds
from stt_worker.recognizers.encoder_windows import FRAMES_PER_SECOND, LONGEST, EncoderWindows, group_batches
from stt_worker.recognizers.language_choice import SpokenLanguage, among, is_doubtful, spoken_in
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, Speech
from stt_worker.recognizers.whisper_model import LoadedWhisper, load_whisper, log_mel, model_languages, writes_english
from stt_worker.recognizers.whisper_tokens import context_tokens, max_length, prefix_tokens, token_spelling
from stt_worker.recognizers.words import align_words, join_punctuation, split_answer

SAMPLES_PER_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND
# A doubted final is first decoded again in a window this much longer, and only then in the longest one, whose encoding
# costs several times as much.
SECOND_DECODE_EXTRA_S = 5.0
# Sampled in the longest window, one after the other, if a guard still objects to the best hypothesis at temperature 0.
TEMPERATURES = (0.4, 0.8)


class WhisperRecognizer:
    """A `Recognizer` for a Whisper model on any engine."""

    engine = "whisper"
    uses_prompts = uses_hotwords = measures_words = True

    def __init__(
        self, whisper: LoadedWhisper, *, model: str, batch_size: int = 8, windows: EncoderWindows | None = None
    ) -> None:
        self._whisper, self._engine, self.device = whisper, whisper.engine, whisper.device
        self.languages: Collection[str] | None = model_languages(whisper)
        self.windows = windows or EncoderWindows()
        self.continues_drafts = True
        self.translates = writes_english(whisper, model)
        self.model = model
        self.compute_type = whisper.engine.compute_type
        self.parallel_batches, self.overlap = whisper.parallel_batches, whisper.overlap
        self._decoding = BoundedSemaphore(self.parallel_batches)
        self._batch_size = batch_size
        # By language, and whether it is translated.
        self._tokenizers: dict[tuple[str, bool], Tokenizer] = {}
        self._suppressed = get_suppressed_tokens(self._tokenizer("en"), [-1])

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """Return one hypothesis for each piece of audio, in order.

        A final that a guard objects to is decoded again, at most four times. Raises ValueError for audio longer than
        30 s, or a language that the model does not know.
        """
        results = self._decode_all(batch, [self.windows.fit(seconds(speech)) for speech in batch])
        misled = [i for i, result in enumerate(results) if is_misled(batch[i], result.hypothesis, result.objection)]
        batch = [replace(speech, context="") for speech in batch]
        alone = self._decode_all([batch[i] for i in misled], [self.windows.fit(seconds(batch[i])) for i in misled])
        results = [alone[misled.index(i)] if i in misled else result for i, result in enumerate(results)]
        doubted = [i for i, result in enumerate(results) if result.needs_retry(batch[i])]
        longer = [self.windows.fit(seconds(batch[i]), SECOND_DECODE_EXTRA_S) for i in doubted]
        for i, second in zip(doubted, self._decode_all([batch[i] for i in doubted], longer), strict=True):
            first, results[i] = results[i], results[i].or_better(second)
            if results[i].needs_retry(batch[i]) and not _is_confirmed(first.hypothesis, second.hypothesis):
                results[i] = self._decode_longest(batch[i], results[i])
        return [result.hypothesis for result in results]

    def _decode_longest(self, speech: Speech, result: GuardedHypothesis) -> GuardedHypothesis:
        """Decode in the longest window, at rising temperatures, until no guard objects; return the best hypothesis."""
        mels = self._features([speech], LONGEST)
        with self._decoding:
            encoded = self._encode(mels, [speech])
            for temperature in (0.0, *TEMPERATURES):
                sampling = _sampling(speech.beam_size, temperature)
                with tracing.stage("decode", [speech], temperature=temperature):
                    (again,) = self._decode(encoded, [speech], [self._context(speech)], LONGEST, sampling)
                result = result.or_better(again)
                if not result.needs_retry(speech):
                    break
        return result

    def _decode_all(self, batch: Sequence[Speech], windows: Sequence[int]) -> list[GuardedHypothesis]:
        """Decode each piece in its window, in order, in as few calls as the layouts allow."""
        contexts = [self._context(speech) for speech in batch]
        layouts = [
            (size, len(before), speech.beam_size) for size, before, speech in zip(windows, contexts, batch, strict=True)
        ]
        results: dict[int, GuardedHypothesis] = {}
        for places in group_batches(layouts, self._batch_size):
            size, _, beam_size = layouts[places[0]]
            group = [batch[i] for i in places]
            mels = self._features(group, size)
            with self._decoding:
                encoded = self._encode(mels, group)
                with tracing.stage("decode", group, beam_size=beam_size):
                    decoded = self._decode(encoded, group, [contexts[i] for i in places], size, _sampling(beam_size))
            results.update(zip(places, decoded, strict=True))
        return [results[i] for i in range(len(batch))]

    def _features(self, batch: Sequence[Speech], size: int) -> NDArray[np.float32]:
        extractor = self._whisper.feature_extractor
        with tracing.stage("features", batch):
            return np.stack([log_mel(extractor, speech.samples, size) for speech in batch])

    def _encode(self, mels: NDArray[np.float32], batch: Sequence[Speech]) -> Any:
        with tracing.stage("encode", batch, window_s=mels.shape[-1] / FRAMES_PER_SECOND):
            return self._engine.encode(mels)

    def _decode(
        self, encoded: Any, batch: list[Speech], contexts: list[list[int]], size: int, sampling: dict[str, Any]
    ) -> list[GuardedHypothesis]:
        """Call the decoder once, for audio of one layout."""
        spoken = self._languages(batch, encoded, size)
        languages = [speech.text_language(one.code) for speech, one in zip(batch, spoken, strict=True)]
        tokenizers = [
            self._tokenizer(one.code, language != one.code) for one, language in zip(spoken, languages, strict=True)
        ]
        writers = [self._tokenizer(language) for language in languages]
        prefixes = [prefix_tokens(writer, speech) for speech, writer in zip(batch, writers, strict=True)]
        results = self._engine.generate(
            encoded,
            [
                [*c, *t.sot_sequence, t.no_timestamps, *p]
                for c, t, p in zip(contexts, tokenizers, prefixes, strict=True)
            ],
            max_length=max_length(batch, languages, len(contexts[0]), prefixes),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
            **sampling,
        )
        answers = [
            Answer(
                speech,
                split_answer(writer, p, r.sequences_ids[0]),
                language,
                _mean_logprob(r, p),
                r.no_speech_prob,
                temperature=sampling.get("sampling_temperature", 0.0),
            )
            for speech, writer, p, r, language in zip(batch, writers, prefixes, results, spoken, strict=True)
        ]
        repetitive = [i for i, answer in enumerate(answers) if answer.is_repetitive]
        for i, words in zip(repetitive, self._align(encoded, answers, repetitive, size), strict=True):
            answers[i] = answers[i].with_times(words)
        wanted = [i for i, answer in enumerate(answers) if answer.needs_words]
        aligned = dict(zip(wanted, self._align(encoded, answers, wanted, size), strict=True))
        return [answer.guarded(join_punctuation(aligned.get(i, ()))) for i, answer in enumerate(answers)]

    def _languages(self, batch: list[Speech], encoded: Any, size: int) -> list[SpokenLanguage]:
        """The language of each piece: the session's, or detected from the encoder's output."""
        if not self._engine.is_multilingual:
            return [SpokenLanguage("en", 1.0)] * len(batch)
        if all(speech.language for speech in batch):
            return [SpokenLanguage(speech.language or "", 1.0) for speech in batch]
        detected = self._detect(encoded, batch)
        # Detection is weaker in a short window. Previews are not worth another encoding.
        doubted = [i for i, speech in enumerate(batch) if speech.final and is_doubtful(speech, detected[i])]
        if doubted and size < LONGEST:
            some = [batch[i] for i in doubted]
            again = self._detect(self._encode(self._features(some, LONGEST), some), some)
            detected = [again[doubted.index(i)] if i in doubted else one for i, one in enumerate(detected)]
        return [spoken_in(speech, found) for speech, found in zip(batch, detected, strict=True)]

    def _detect(self, encoded: Any, batch: Sequence[Speech]) -> list[dict[str, float]]:
        """The probable languages of each piece."""
        found = ({token[2:-2]: p for token, p in one} for one in self._engine.detect_language(encoded))
        return [among(speech.allowed, one) for speech, one in zip(batch, found, strict=True)]

    def _align(
        self, encoded: Any, answers: Sequence[Answer], wanted: Collection[int], size: int
    ) -> list[list[RecognizedWord]]:
        """Compute times and probabilities of the kept words of the answers at the `wanted` indices, in this order.

        CTranslate2's aligner takes one start sequence for the whole batch, so each language and task needs a pass.
        """
        frames = [min(size, max(1, len(answer.speech.samples) // SAMPLES_PER_FRAME)) for answer in answers]
        words: dict[int, list[RecognizedWord]] = {}
        tasks = [(answer.language.code, answer.is_translated) for answer in answers]
        for task in {tasks[i] for i in wanted}:
            places = [i for i in wanted if tasks[i] == task and answers[i].kept.words]
            texts = [answer.kept.all_tokens if i in places else [] for i, answer in enumerate(answers)]
            tokenizer = self._tokenizer(*task)
            start = list(tokenizer.sot_sequence)
            aligned = self._engine.align(encoded, start, texts, frames, median_filter_width=7)
            for i in places:
                spelling = partial(token_spelling, tokenizer) if answers[i].speech.tokens else None
                words[i] = align_words(answers[i].kept, aligned[i].alignments, aligned[i].text_token_probs, spelling)
        return [words.get(i, []) for i in wanted]

    def _context(self, speech: Speech) -> list[int]:
        return context_tokens(self._tokenizer("en"), speech)

    def _tokenizer(self, language: str, translate: bool = False) -> Tokenizer:
        """The tokenizer whose task tokens are of this language. Its words are written as in this language."""
        if (language, translate) not in self._tokenizers:
            multilingual, task = self._engine.is_multilingual, "translate" if translate else "transcribe"
            self._tokenizers[language, translate] = Tokenizer(self._whisper.hf_tokenizer, multilingual, task, language)
        return self._tokenizers[language, translate]


class FasterWhisper(WhisperRecognizer):
    """A `Recognizer` for Whisper models in CTranslate2 format.

    Loads the weights in `path` and runs them once. Raises ModelError if they do not run on this machine.
    """

    engine = "ctranslate2"

    def __init__(
        self,
        path: Path,
        *,
        model: str,
        hardware: Hardware | None = None,
        batch_size: int = 8,
        windows: EncoderWindows | None = None,
    ) -> None:
        super().__init__(
            load_whisper(path, hardware or Hardware()), model=model, batch_size=batch_size, windows=windows
        )


def _is_confirmed(first: Hypothesis, second: Hypothesis) -> bool:
    """Whether two windows are evidence that the text was said, whatever a guard objects to.

    They contain the same text, or repetitions that the audio contains.
    """
    return letters(first.text) == letters(second.text) or (first.repetition_spoken and second.repetition_spoken)


def _sampling(beam_size: int, temperature: float = 0.0) -> dict[str, Any]:
    if temperature:
        return {"beam_size": 1, "num_hypotheses": 3, "sampling_topk": 0, "sampling_temperature": temperature}
    return {"beam_size": beam_size}


def _mean_logprob(result: Any, prefix: list[int]) -> float:
    """The mean over the tokens that were not forced and the end token."""
    tokens = len(result.sequences_ids[0])
    return float(result.scores[0] * tokens / (max(0, tokens - len(prefix)) + 1))
