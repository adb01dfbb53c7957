"""Whisper on CTranslate2, in batches mixed from any sessions.

faster-whisper brings the weights, the mel features and the tokenizer. The decoding is ours, because its batches serve
one recording only. CTranslate2 wants three things of a batch: one window size, the task tokens at one place in every
prompt, and as many of them; languages may differ, and text forced behind the task tokens may have any length.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from backend.service import tracing
from backend.text.normalize import letters
from stt_worker import guards
from stt_worker.loading import Hardware, load
from stt_worker.recognizers.recognizer import Hypothesis, Speech, TimedWord
from stt_worker.recognizers.windows import FRAMES_PER_SECOND, LONGEST, Windows, batches
from stt_worker.recognizers.words import Written, timed, written
from stt_worker.stability import spoken_language

SAMPLES_PER_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND
LONGEST_PROMPT = 200
"""Tokens. The decoder has room for `MOST_TOKENS`, and keeps half of it for its answer."""
MOST_TOKENS = 448
MOST_TOKENS_PER_S = 24
TOKENS_PER_S = dict.fromkeys(
    ["en", "es", "fr", "de", "it", "pt", "nl", "sv", "da", "no", "pl", "cs", "ro", "id", "ms", "ca"], 12
)
"""What nobody speaks faster than; in letters that the vocabulary has words of, tokens are longer."""
SURE_LOGPROB = -0.4
"""Mean over the words before a loop: so probable, they stand."""
SECOND_LOOK_S = 5.0
"""By so much longer is the window over which a doubted final is decoded again; then comes the longest."""
TEMPERATURES = (0.4, 0.8)
"""What is sampled at, one after the other, when a guard still objects to the best guess over the longest window."""
ROUNDS = {True: 3, False: 2}
"""How often a phrase may be said in a row in a final, which is decoded again before it is cut, and in a preview."""
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages whose text begins without a space."""
DYNAMIC_RANGE = 2.0
"""Of log-mel features: silence lies this far below the loudest."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A hypothesis, and what a guard says against it."""

    hypothesis: Hypothesis
    objection: str


class FasterWhisper:
    """A Whisper in CTranslate2 form; fulfils `Recognizer`."""

    def __init__(
        self,
        path: Path,
        *,
        model: str,
        hardware: Hardware | None = None,
        batch_size: int = 8,
        windows: Windows | None = None,
    ) -> None:
        """Load the weights in `path` and run them once. Raises ModelError when they do not run here."""
        hardware = hardware or Hardware()
        self._whisper, self.device = load(path, hardware)
        self.windows = windows or Windows()
        self.model = model
        self.compute_type = str(self._whisper.model.compute_type)
        self.decoders = hardware.decoders if self.device == "cpu" else 1
        self.overlap = self.decoders if self.device == "cpu" else 2
        """On a GPU the features of a batch are computed while another is decoded; on a CPU both want the same cores."""
        self._decoding = BoundedSemaphore(self.decoders)
        self._batch_size = batch_size
        self._tokenizers: dict[str, Tokenizer] = {}
        self._suppressed = get_suppressed_tokens(self._tokenizer("en"), [-1])

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """One hypothesis for each, in order. A final that a guard objects to is decoded again, at most four times.

        Raises ValueError for audio longer than 30 s, or a language that the model does not know.
        """
        drafts = self._decode_all(batch, [self.windows.fit(_seconds(speech)) for speech in batch])
        doubted = [i for i, draft in enumerate(drafts) if self._is_doubted(batch[i], draft)]
        longer = [self.windows.fit(_seconds(batch[i]), SECOND_LOOK_S) for i in doubted]
        for i, second in zip(doubted, self._decode_all([batch[i] for i in doubted], longer), strict=True):
            first, drafts[i] = drafts[i], _better(drafts[i], second)
            agreed = letters(first.hypothesis.text) == letters(second.hypothesis.text)
            if self._is_doubted(batch[i], drafts[i]) and not agreed:
                drafts[i] = self._decode_longest(batch[i], drafts[i])
        return [draft.hypothesis for draft in drafts]

    def _decode_longest(self, speech: Speech, draft: Draft) -> Draft:
        """The best of this and what comes over the longest window, at rising temperatures, until nothing is odd."""
        mels = self._features([speech], LONGEST)
        with self._decoding:
            encoded = self._encode(mels, [speech])
            for temperature in (0.0, *TEMPERATURES):
                sampling = _sampling(speech.beam_size, temperature)
                with tracing.stage("decode", [speech], temperature=temperature):
                    (again,) = self._decode(encoded, [speech], [self._context(speech)], LONGEST, sampling)
                draft = _better(draft, again)
                if not self._is_doubted(speech, draft):
                    break
        return draft

    def _is_doubted(self, speech: Speech, draft: Draft) -> bool:
        """What is taken for silence need not be got right."""
        withdrawn = guards.withdrawal(draft.hypothesis, _seconds(speech))
        return speech.final and bool(draft.objection) and withdrawn in {"", "repetitive"}

    def _decode_all(self, batch: Sequence[Speech], windows: Sequence[int]) -> list[Draft]:
        """One draft for each, in order, in as few calls as their layouts allow."""
        contexts = [self._context(speech) for speech in batch]
        layouts = [
            (size, len(before), speech.beam_size) for size, before, speech in zip(windows, contexts, batch, strict=True)
        ]
        drafts: dict[int, Draft] = {}
        for places in batches(layouts, self._batch_size):
            size, _, beam_size = layouts[places[0]]
            some = [batch[i] for i in places]
            mels = self._features(some, size)
            with self._decoding:
                encoded = self._encode(mels, some)
                with tracing.stage("decode", some, beam_size=beam_size):
                    heard = self._decode(encoded, some, [contexts[i] for i in places], size, _sampling(beam_size))
            drafts.update(zip(places, heard, strict=True))
        return [drafts[i] for i in range(len(batch))]

    def _features(self, batch: Sequence[Speech], size: int) -> NDArray[np.float32]:
        with tracing.stage("features", batch):
            return np.stack([self._mel(speech, size) for speech in batch])

    def _encode(self, mels: NDArray[np.float32], batch: Sequence[Speech]) -> Any:
        with tracing.stage("encode", batch, window_s=mels.shape[-1] / FRAMES_PER_SECOND):
            return self._whisper.model.encode(ctranslate2.StorageView.from_array(mels))

    def _decode(
        self, encoded: Any, batch: list[Speech], contexts: list[list[int]], size: int, sampling: dict[str, Any]
    ) -> list[Draft]:
        """One call of the decoder, for speech of one layout."""
        languages = self._languages(batch, encoded)
        tokenizers = [self._tokenizer(language) for language, _ in languages]
        prefixes = [_forced(speech, tokenizer) for speech, tokenizer in zip(batch, tokenizers, strict=True)]
        results = self._whisper.model.generate(
            encoded,
            [
                [*c, *t.sot_sequence, t.no_timestamps, *p]
                for c, t, p in zip(contexts, tokenizers, prefixes, strict=True)
            ],
            max_length=_most_tokens(batch, [language for language, _ in languages], len(contexts[0]), prefixes),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
            **sampling,
        )
        texts = [written(t, p, r.sequences_ids[0]) for t, p, r in zip(tokenizers, prefixes, results, strict=True)]
        kept = [t.without_loop(s.prefix, ROUNDS[s.final]) for t, s in zip(texts, batch, strict=True)]
        looped = {i for i in range(len(batch)) if kept[i] is not texts[i]}
        wanted = {i for i in range(len(batch)) if batch[i].words} | looped
        words = self._timed(encoded, batch, languages, kept, wanted, size)
        drafts = []
        for i, speech in enumerate(batch):
            logprob = _mean_logprob(results[i], prefixes[i])
            objection = guards.objection(texts[i].text, texts[i].words, _seconds(speech), logprob)
            if objection == "loop" and words[i] and _mean_word_logprob(words[i]) > SURE_LOGPROB:
                objection = ""  # all was said, and the decoder only did not know how to end
            hypothesis = Hypothesis(
                kept[i].text,
                *languages[i],
                _mean_word_logprob(words[i]) if i in looped else logprob,
                results[i].no_speech_prob,
                words[i] if speech.words else (),
            )
            drafts.append(Draft(hypothesis, objection))
        return drafts

    def _mel(self, speech: Speech, size: int) -> NDArray[np.float32]:
        return log_mel(self._whisper.feature_extractor, speech.samples, size)

    def _languages(self, batch: list[Speech], encoded: Any) -> list[tuple[str, float]]:
        """Each one's language and its probability: the session's, or what the encoder's output sounds like."""
        if not self._whisper.model.is_multilingual:
            return [("en", 1.0)] * len(batch)
        if all(speech.language for speech in batch):
            return [(speech.language or "", 1.0) for speech in batch]
        detected = self._whisper.model.detect_language(encoded)
        return [
            (speech.language, 1.0)
            if speech.language
            else spoken_language(speech.heard, {token[2:-2]: p for token, p in found}, _seconds(speech))
            for speech, found in zip(batch, detected, strict=True)
        ]

    def _timed(
        self,
        encoded: Any,
        batch: list[Speech],
        languages: list[tuple[str, float]],
        kept: list[Written],
        wanted: Collection[int],
        size: int,
    ) -> list[tuple[TimedWord, ...]]:
        """The words with times and probabilities at the `wanted` places; nothing at the others.

        One pass over the whole batch for each language among them: the aligner takes one start for all its texts.
        """
        frames = [min(size, max(1, len(speech.samples) // SAMPLES_PER_FRAME)) for speech in batch]
        words: list[tuple[TimedWord, ...]] = [()] * len(batch)
        for language in {languages[i][0] for i in wanted}:
            places = [i for i in wanted if languages[i][0] == language and kept[i].words]
            texts = [kept[i].all_tokens if i in places else [] for i in range(len(batch))]
            start = list(self._tokenizer(language).sot_sequence)
            aligned = self._whisper.model.align(encoded, start, texts, frames, median_filter_width=7)
            for i in places:
                words[i] = timed(kept[i], aligned[i].alignments, aligned[i].text_token_probs)
        return words

    def _context(self, speech: Speech) -> list[int]:
        """The tokens before the task's: hotwords, then the end of the prompt."""
        tokenizer = self._tokenizer("en")
        hotwords = _text_tokens(tokenizer, speech.hotwords)[: LONGEST_PROMPT // 2]
        prompt = _text_tokens(tokenizer, speech.prompt)[-(LONGEST_PROMPT - len(hotwords)) :]
        return [tokenizer.sot_prev, *hotwords, *prompt] if hotwords or prompt else []

    def _tokenizer(self, language: str) -> Tokenizer:
        if language not in self._tokenizers:
            multilingual = self._whisper.model.is_multilingual
            self._tokenizers[language] = Tokenizer(self._whisper.hf_tokenizer, multilingual, "transcribe", language)
        return self._tokenizers[language]


def log_mel(extractor: FeatureExtractor, samples: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Log-mel features [n_mels, size], with digital silence behind the audio, as in Whisper's training.

    faster-whisper pads with zeros, which in its log scale is a hum: on short windows that costs a point of errors.
    """
    features = extractor(samples)[:, :size]
    mel = np.full((features.shape[0], size), features.max() - DYNAMIC_RANGE, np.float32)
    mel[:, : features.shape[1]] = features
    return mel


def _seconds(speech: Speech) -> float:
    return len(speech.samples) / SAMPLE_RATE


def _sampling(beam_size: int, temperature: float = 0.0) -> dict[str, Any]:
    if temperature:
        return {"beam_size": 1, "num_hypotheses": 3, "sampling_topk": 0, "sampling_temperature": temperature}
    return {"beam_size": beam_size}


def _most_tokens(batch: list[Speech], languages: list[str], context: int, prefixes: list[list[int]]) -> int:
    """CTranslate2's `max_length`: a bound on loops. The answer, prefix included, gets half of it, or what is left."""
    rates = (TOKENS_PER_S.get(language, MOST_TOKENS_PER_S) for language in languages)
    answer = max(
        len(p) + 24 + round(rate * _seconds(speech)) for p, rate, speech in zip(prefixes, rates, batch, strict=True)
    )
    return min(MOST_TOKENS, max(2 * answer, context + 4 + answer))


def _text_tokens(tokenizer: Tokenizer, text: str, space: str = " ") -> list[int]:
    """The text's tokens, without the control tokens that somebody may have written into it."""
    return [token for token in tokenizer.encode(space + text.strip()) if token < tokenizer.eot] if text.strip() else []


def _forced(speech: Speech, tokenizer: Tokenizer) -> list[int]:
    return _text_tokens(tokenizer, speech.prefix, "" if tokenizer.language_code in UNSPACED else " ")


def _mean_logprob(result: Any, prefix: list[int]) -> float:
    """Over the tokens that were not forced, and the one that ends the text."""
    tokens = len(result.sequences_ids[0])
    return float(result.scores[0] * tokens / (max(0, tokens - len(prefix)) + 1))


def _mean_word_logprob(words: tuple[TimedWord, ...]) -> float:
    """What is left of a loop is judged by itself: repeating is easy, so all of it together looks probable."""
    return float(np.mean([np.log(max(word.probability, 1e-6)) for word in words])) if words else 0.0


def _better(first: Draft, second: Draft) -> Draft:
    """What no guard objects to, else the more probable; it says why there were two."""
    best = max(second, first, key=lambda draft: (not draft.objection, draft.hypothesis.avg_logprob))
    return replace(best, hypothesis=replace(best.hypothesis, retried=first.hypothesis.retried or first.objection))
