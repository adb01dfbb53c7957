"""Prompts and limits of Whisper's decoder, in tokens."""

from collections.abc import Sequence

from faster_whisper.tokenizer import Tokenizer

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.recognizers.recognizer import Speech

# The length of the decoder's context (448 positions in all Whisper models). CTranslate2 reserves half for the answer.
MAX_TOKENS = 448
# Hotwords and prompt together; must leave room for the task tokens and the answer.
MAX_PROMPT_TOKENS = 200
# The end of the text before an utterance. Always the same number, so that utterances of all sessions share batches.
CONTEXT_TOKENS = 32
# Upper bounds of speech rate, to stop loops early. Speakers do not exceed about 12 tokens per second in languages
# whose words are in the vocabulary; in other scripts a word takes several tokens.
MAX_TOKENS_PER_S = 24
TOKENS_PER_S = dict.fromkeys(
    ["en", "es", "fr", "de", "it", "pt", "nl", "sv", "da", "no", "pl", "cs", "ro", "id", "ms", "ca"], 12
)
# Whisper's tokenizer splits these by characters, and their text begins without a space (openai-whisper, tokenizer.py).
# It is the model's own list, which differs from `backend.text.writing_systems`: Khmer, for example, is missing.
_UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})


def context_tokens(tokenizer: Tokenizer, speech: Speech) -> list[int]:
    """The tokens before the task tokens: the hotwords, the end of the prompt, and the end of the text before."""
    hotwords = _text_tokens(tokenizer, speech.hotwords)[: MAX_PROMPT_TOKENS // 2]
    context = _text_tokens(tokenizer, speech.context)[-CONTEXT_TOKENS:]
    context = context if len(context) == CONTEXT_TOKENS else []
    prompt = _text_tokens(tokenizer, speech.prompt)[-(MAX_PROMPT_TOKENS - len(hotwords) - len(context)) :]
    before = [*hotwords, *prompt, *context]
    return [tokenizer.sot_prev, *before] if before else []


def prefix_tokens(tokenizer: Tokenizer, speech: Speech) -> list[int]:
    """The tokens that the answer is forced to begin with. `tokenizer`: that of the language of the text."""
    return _text_tokens(tokenizer, speech.prefix, "" if tokenizer.language_code in _UNSPACED_LANGUAGES else " ")


def max_length(batch: Sequence[Speech], languages: Sequence[str], context: int, prefixes: Sequence[list[int]]) -> int:
    """CTranslate2's `max_length`, as a bound on loops.

    CTranslate2 gives the answer, prefix included, half of it, or what the context (in tokens) leaves.
    """
    rates = (TOKENS_PER_S.get(language, MAX_TOKENS_PER_S) for language in languages)
    answer = max(
        len(prefix) + 24 + round(rate * len(speech.samples) / SAMPLE_RATE)
        for prefix, rate, speech in zip(prefixes, rates, batch, strict=True)
    )
    return min(MAX_TOKENS, max(2 * answer, context + 4 + answer))


def _byte_characters() -> dict[str, int]:
    """The characters that stand for bytes in a byte-level vocabulary (openai/gpt-2, `bytes_to_unicode`)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


_BYTES = _byte_characters()


def token_spelling(tokenizer: Tokenizer, token: int) -> bytes:
    """The text of a token in UTF-8. It may begin or end inside a character."""
    return bytes(_BYTES[character] for character in tokenizer.tokenizer.id_to_token(token))


def _text_tokens(tokenizer: Tokenizer, text: str, space: str = " ") -> list[int]:
    # Tokens from `eot` on are control tokens; clients must not inject them through prompt or hotwords.
    return [token for token in tokenizer.encode(space + text.strip()) if token < tokenizer.eot] if text.strip() else []
