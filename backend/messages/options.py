"""The base of all wire messages, and the audio format and options of a session. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.messages.languages import AUTO

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8_000, 48_000  # Hz
# Limit for milliseconds and utterance numbers. Lua numbers are doubles, which lose integers only far beyond it.
MAX_POSITION = 10**12
# Characters of a text frame. `playing` and `prompt` fit in, also if all their characters are escaped.
MAX_TEXT_FRAME = 128 * 1024
# Languages that a session may choose from.
MAX_LANGUAGES = 16
# Labels of speakers in a session.
MAX_SPEAKERS, DEFAULT_MAX_SPEAKERS = 20, 10
# Kinds of formatting, also if some are repeated.
MAX_FORMATTING = 8
# Characters.
MAX_PROMPT, MAX_HOTWORDS, MAX_PLAYING = 2_000, 1_000, 10_000
# Default silence that ends an utterance. Shorter ones divide sentences, which costs accuracy (decision 60).
ENDPOINT_MS = 800


# "recording": finals are computed in the time that live sessions leave.
Priority = Literal["live", "recording"]
# "translate": the recognizer writes English, whatever language it recognizes (Radford et al. 2022, arXiv 2212.04356).
Task = Literal["transcribe", "translate"]
# "auto": only in noisy utterances.
Denoise = Literal["off", "on", "auto"]
# How texts are written. "fillers": without filler words. "profanity": masked. "numerals": spoken numbers in digits.
Formatting = Literal["fillers", "profanity", "numerals"]
# The language of the text of such a recognizer.
TRANSLATED_LANGUAGE = "en"

# Bytes per sample of the encodings that are raw samples. The others are containers.
SAMPLE_BYTES: Mapping[str, int] = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1, "alaw": 1}


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class AudioFormat(Message):
    """Format of the binary frames."""

    encoding: Literal["pcm_s16le", "pcm_f32le", "mulaw", "alaw", "webm", "ogg"] = "pcm_s16le"
    """Raw samples, or a WebM or Ogg container with Opus, such as a browser's MediaRecorder produces."""
    sample_rate: int = 16_000
    """Hz, 8,000 to 48,000. Ignored for containers."""
    channels: int = 1
    """1 or 2, interleaved. Two channels are mixed into one. With `channel` or `multichannel`: 1 to 8."""
    channel: int | None = None
    """Only this channel is recognized, from 0. Missing: all together, or with `multichannel` each on its own."""

    @property
    def bytes_per_second(self) -> int | None:
        """Bytes of one second. None for containers, whose bytes say nothing about time."""
        width = SAMPLE_BYTES.get(self.encoding)
        return width and width * self.channels * self.sample_rate


def spoken_language(codes: Sequence[str]) -> dict[str, Any]:
    """The options for these languages: one is spoken, of several one is detected, and without any the language is."""
    if len(codes) == 1:
        return {"language": codes[0] or "auto", "languages": ()}
    return {"language": "auto", "languages": tuple(codes)}


class Options(Message):
    """Options of a session. `start` sets all of them, `configure` changes some of them."""

    language: str = "auto"
    """Spoken language: a code ("en", "pt-BR", "zh-TW"), or "auto" to detect it. The code also names the script."""
    languages: tuple[str, ...] = Field(default=(), max_length=MAX_LANGUAGES)
    """Languages to choose from if `language` is "auto". Empty: all that the model knows. Remote models ignore it."""
    task: Task = "transcribe"
    """"translate": the speech model itself writes English in `text`, without a translation worker."""
    translate_to: tuple[str, ...] = ()
    """Target languages: ISO ("es", "pt-BR") or FLORES ("spa_Latn") codes. At most 8."""
    partials: bool = True
    """Whether to send partials while the user speaks."""
    words: bool = False
    """Whether finals contain the times and the confidence of each word."""
    decoding: bool = False
    """Whether finals contain the recognizer's tokens, its temperature and the probability of no speech."""
    partial_words: bool = False
    """Whether partials contain the times and the confidence of each word."""
    endpoint_ms: int = Field(default=ENDPOINT_MS, ge=200, le=5_000)
    """Silence that ends an utterance."""
    clause_ms: int = Field(default=8_000, ge=0, le=25_000)
    """Length from which a live utterance without `turn_threshold` is divided at a pause of 0.4 s. 0: never."""
    early_final_ms: int = Field(default=0, ge=0, le=5_000)
    """Silence after which `early_final` is sent, once the utterance has been recognized. 0: never."""
    turn_threshold: float = Field(default=0.0, ge=0.0, le=1.0)
    """Probability that the speaker has finished from which a pause ends the utterance at once. 0: silence decides."""
    turn_max_ms: int = Field(default=2_000, ge=200, le=10_000)
    """With `turn_threshold`: silence that ends an utterance whose speaker has probably not finished."""
    responding: bool = False
    """Whether the client plays an answer to the user, who may interrupt it: then `interrupt` is sent, once."""
    playing: str = Field(default="", max_length=MAX_PLAYING)
    """With `responding`: the text of the answer. Its echo in the microphone does not count as an interruption."""
    interrupt_ms: int = Field(default=300, ge=200, le=2_000)
    """With `responding`: speech that counts as an interruption."""
    endpointing: bool = True
    """false: only `finalize` ends utterances, so that the client decides; they contain all audio, also silence."""
    speakers: bool = False
    """Whether finals name their speaker: "1" is the first one in the session, "2" the next one."""
    max_speakers: int = Field(default=DEFAULT_MAX_SPEAKERS, ge=1, le=MAX_SPEAKERS)
    """With `speakers`: the largest number of labels. Further voices get the most similar one."""
    denoise: Denoise = "off"
    """Whether noise is reduced before speech is recognized. "auto": only in utterances that are noisy."""
    mode: Literal["dictation", "captions"] = "captions"
    """Purpose of the text. The server does not use it."""
    finals: Literal["revise", "stable"] = "revise"
    """"revise": the most accurate final. "stable": a final that starts with the committed words."""
    prompt: str = Field(default="", max_length=MAX_PROMPT)
    """Text that sets the style and spelling of what follows."""
    hotwords: str = Field(default="", max_length=MAX_HOTWORDS)
    """Names and terms to expect, separated by spaces or commas."""
    formatting: tuple[Formatting, ...] = Field(default=(), max_length=MAX_FORMATTING)
    """"fillers": filler words are removed. "profanity": profane words are masked. "numerals": numbers are in digits."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """The codes of the languages that may be spoken; () for all."""
        return self.languages if self.language.strip().lower() == AUTO else (self.language,)
