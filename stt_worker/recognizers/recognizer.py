"""The interface of speech models: audio in, hypotheses out.

To add a recognizer, write a module with a class that implements `Recognizer` and add it to `stt_worker.loading`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.messages.options import TRANSLATED_LANGUAGE, Denoise
from backend.messages.voices.events import IgnoreReason
from backend.messages.voices.profiles import TargetVoice, VoiceSample


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of audio to recognize, of at most 30 s.

    `samples`: [n], 16 kHz mono, from -1 to 1.
    `language`: the model's code, or None to detect it.
    `last_language`: previous language; used when `language` is None, unless another is much more probable.
    `language_odds`: probability of each language by earlier utterances; empty: only `last_language` is known.
    `allowed`: the model's codes of the languages to choose from when `language` is None; empty: all.
    `translate`: whether to write English, whatever the language is. Only for recognizers that can.
    `prefix`: text that the hypothesis must begin with.
    `context`: the text before this piece; not used if that of the piece is in another language than `context_language`.
    `words`: whether times and probabilities of words are needed (one more pass of the decoder).
    `tokens`: whether the tokens of words are needed.
    `final`: a final may be decoded again when a guard objects; a preview is not.
    `draft`: the words of the latest preview of the utterance, with times in this audio. `draft_language`: the language
    that this preview detected, with this probability; "" if `language` is given.
    `judge_turn`: whether to judge if the speaker has finished. `describe_voices`: whether to describe the voices.
    `measure_voice`: whether it is a sample of a voice to enrol. `target`: the only voice whose text is wanted.
    `denoise`: whether to reduce noise before the recognition.
    `utterance`: identifies the utterance that this is the beginning of, or all of it; "": none.
    `traceparent`: the trace that the stages of its recognition belong to.
    """

    samples: NDArray[np.float32]
    language: str | None = None
    last_language: str | None = None
    language_odds: Mapping[str, float] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    translate: bool = False
    prefix: str = ""
    prompt: str = ""
    hotwords: str = ""
    context: str = ""
    context_language: str = ""
    beam_size: int = 1
    words: bool = False
    tokens: bool = False
    final: bool = True
    draft: tuple["RecognizedWord", ...] = ()
    draft_language: str = ""
    draft_language_probability: float = 0.0
    judge_turn: bool = False
    describe_voices: bool = False
    measure_voice: bool = False
    target: TargetVoice | None = None
    denoise: Denoise = "off"
    utterance: str = ""
    traceparent: str = ""

    @property
    def pcm(self) -> bytes:
        """The samples as s16le, 16 kHz, mono. Samples that were made from such PCM are converted back exactly."""
        samples: NDArray[np.int16] = np.clip(np.rint(self.samples * np.float32(32_768)), -32_768, 32_767).astype("<i2")
        return samples.tobytes()

    def text_language(self, spoken: str) -> str:
        """The code of the language of the text of this audio, which is in the language `spoken`."""
        return TRANSLATED_LANGUAGE if self.translate else spoken

    def is_translated_from(self, spoken: str) -> bool:
        """Whether the text of this audio, which is in the language `spoken`, is a translation."""
        return self.text_language(spoken) != spoken


@dataclass(frozen=True, slots=True)
class RecognizedToken:
    """A token: its number in the vocabulary, its text in UTF-8, which may end inside a character, and its log
    probability."""

    id: int
    spelling: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class RecognizedWord:
    """A word with the space before it; `start` and `end` in seconds from the start of the audio.

    `probability` and `logprob` are means over its tokens, without the prompt. `tokens` only if they were requested.
    """

    text: str
    start: float
    end: float
    probability: float
    logprob: float = 0.0
    tokens: tuple[RecognizedToken, ...] = ()


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """A part of the audio that one voice says. Times are seconds from its start; `words` are places in its words.

    `voice`: a vector of length 1; similar voices have similar directions.
    """

    start: float
    end: float
    words: range
    voice: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class IgnoredPart:
    """A part of the audio without text, because it is not of the target. Times are seconds from the start of the audio.

    `end`: None is its end. `similarity`: to the target; None: it was not compared. `by_majority`: most pieces decided.
    """

    start: float
    end: float | None
    reason: IgnoreReason
    similarity: float | None = None
    by_majority: bool = False


@dataclass(frozen=True, slots=True)
class OmittedSpeech:
    """Speech that the text leaves out, in seconds from the start of the audio.

    `seconds` is the voiced part of it. `cut` is the place where the audio can be cut in two to recognize the rest, or
    None.
    """

    start: float
    end: float
    seconds: float
    cut: float | None


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The text that a model recognized, in the `language` of the audio, or in English if it is `translated`.

    `text` begins with the prefix and has no outer spaces; `words`, if requested, joined and stripped are the text.
    `avg_logprob` is the mean natural-log probability per token. `retried` names the guard that caused a second decode,
    and is empty if the first decode was accepted. `languages` are the detected probabilities. `omitted` is speech
    without words, if the recognizer finds any. `decoded` is the text before a loop was cut from its end, or "".
    `repetition_spoken`: the audio contains the repetitions of a repetitive text. `logprob_without_prompt`: that of a
    text that consists of the prompt and the hotwords. `continued`: the beginning is a draft, and was not decoded.
    `temperature`: of the decode that was accepted. `turn_probability`: that the speaker has finished, if it was judged.
    `parts`: the voices in the audio, in order, if they were described. `sample`: the measured voice, if that is wanted.
    `target_checked`: whether the text is that of the target alone. `ignored`: the parts whose text was left out.
    `voice`: of a preview with a target, whose voice its end is: "target", "other" or "unknown".
    `confidence`: 0 to 1, from a model whose log probabilities are not comparable with Whisper's; None: `avg_logprob`.
    """

    text: str
    language: str
    language_probability: float
    avg_logprob: float
    no_speech_probability: float
    words: tuple[RecognizedWord, ...] = ()
    retried: str = ""
    languages: Mapping[str, float] = field(default_factory=dict)
    omitted: OmittedSpeech | None = None
    decoded: str = ""
    repetition_spoken: bool = False
    logprob_without_prompt: float | None = None
    continued: bool = False
    temperature: float = 0.0
    turn_probability: float | None = None
    parts: tuple[SpokenPart, ...] = ()
    translated: bool = False
    sample: VoiceSample | None = None
    target_checked: bool = False
    ignored: tuple[IgnoredPart, ...] = ()
    voice: Literal["target", "other", "unknown"] | None = None
    confidence: float | None = None

    @property
    def text_language(self) -> str:
        """The code of the language of the text."""
        return TRANSLATED_LANGUAGE if self.translated else self.language


class Recognizer(Protocol):
    """A speech model, called from `overlap` threads at a time.

    `engine`: the library or kind of service that runs it, such as "ctranslate2".

    `languages` are the codes (Whisper's) of the languages that it recognizes, or None if they are unknown; other codes
    are never passed to it. `device` is "cpu" or "cuda:0"; `compute_type` is CTranslate2's name for it, or "". `overlap`
    is above 1 if a batch can be prepared or decoded while another one is decoded, and `parallel_batches` is the number
    of batches decoded in parallel. `continues_drafts`: whether it can recognize the end of an utterance after the words
    before it (`context`, `prefix`). `translates`: whether it can write English for speech in other languages.
    `uses_prompts`, `uses_hotwords`: whether `prompt`, and `hotwords`, have an effect. `measures_words`: whether times
    of words come from the model; otherwise they are estimated from the length of the text.
    """

    engine: str
    model: str
    device: str
    compute_type: str
    overlap: int
    parallel_batches: int
    languages: Collection[str] | None
    continues_drafts: bool
    translates: bool
    uses_prompts: bool
    uses_hotwords: bool
    measures_words: bool

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """Return one hypothesis for each piece of audio, in order. Audio of different sessions may share a batch.

        Raises if any piece cannot be decoded; the caller then tries each one alone.
        """


class TurnJudge(Protocol):
    """A model that judges whether speakers have finished, called from several threads."""

    def probability(self, samples: NDArray[np.float32]) -> float:
        """The probability that the speaker of this audio [n], 16 kHz, which ends with a pause, has finished: 0 to 1."""


class VoiceDescriber(Protocol):
    """A model of voices, called from several threads."""

    def embedding(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The voice in this audio [n], 16 kHz, at least 0.1 s, as a vector of length 1."""


class Denoiser(Protocol):
    """A model that removes noise from speech, called from several threads."""

    def denoise(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """This audio [n], 16 kHz, with less noise, at the same times."""
