"""Run a Whisper network with the calls of CTranslate2's Whisper, so that one recognizer decodes on either."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer as VocabularyTokenizer
from torch import Tensor

from stt_worker.recognizers.pytorch.alignment import attention_path
from stt_worker.recognizers.pytorch.network import DecoderCache, WhisperNetwork
from stt_worker.recognizers.pytorch.search import Search, SearchLimits, search

# Vocabularies of this size and above have tokens of languages and tasks; those of English-only models are smaller.
MULTILINGUAL_VOCABULARY = 51_865


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """`scores`: the mean log probability over the tokens of a text, where forced ones count as 0."""

    sequences_ids: list[list[int]]
    scores: list[float]
    no_speech_prob: float


@dataclass(frozen=True, slots=True)
class AlignmentResult:
    """`alignments`: pairs of token and encoder frame; `text_token_probs`: the probability of each token."""

    alignments: list[tuple[int, int]]
    text_token_probs: list[float]


class TorchEngine:
    """A `WhisperEngine` on any device of PyTorch."""

    def __init__(self, network: WhisperNetwork, vocabulary: VocabularyTokenizer, compute_type: str) -> None:
        self._network, self.compute_type = network, compute_type
        self.n_mels = network.shape.mels
        self.is_multilingual = network.shape.vocabulary >= MULTILINGUAL_VOCABULARY
        weight = network.decoder.embed_tokens.weight
        self._device, self._precision = weight.device, weight.dtype
        self._vocabulary = vocabulary
        self._end, self._start = self._id("<|endoftext|>"), self._id("<|startoftranscript|>")
        self._without_times = self._id("<|notimestamps|>")
        silence = vocabulary.token_to_id("<|nospeech|>")
        self._no_speech = vocabulary.token_to_id("<|nocaptions|>") if silence is None else silence
        self._languages = self._language_tokens()

    @torch.inference_mode()
    def encode(self, mels: NDArray[np.float32]) -> Tensor:
        """[batch, mels, frames] to the encoder's output, which stays on the device."""
        encoded: Tensor = self._network.encoder(torch.from_numpy(mels).to(self._device, self._precision))
        return encoded

    @torch.inference_mode()
    def generate(
        self,
        encoded: Tensor,
        prompts: Sequence[Sequence[int]],
        *,
        max_length: int,
        suppress_tokens: Sequence[int] = (),
        beam_size: int = 1,
        num_hypotheses: int = 1,
        sampling_temperature: float = 0.0,
        **_: Any,
    ) -> list[GenerationResult]:
        """Write a text for each prompt. The tokens after the one that disables timestamps are the beginning of it.

        All prompts have their task tokens at the same place. `max_length` counts as in CTranslate2: a text has at most
        half of it, or what the prompt leaves.
        """
        begin = 1 + list(prompts[0]).index(self._without_times)
        beams = num_hypotheses if sampling_temperature else beam_size
        searches = [Search(tuple(prompt[begin:]), beams) for prompt in prompts]
        cache, audio = DecoderCache(), self._network.decoder.project_audio(encoded)
        states = self._network.decoder(self._tensor([list(prompt[:begin]) for prompt in prompts]), audio, cache)
        no_speech = self._probabilities(states[:, prompts[0].index(self._start)])[:, self._no_speech]
        rows = torch.arange(len(prompts), device=self._device).repeat_interleave(beams)
        cache.select(rows)

        def step(tokens: Tensor, continued: Tensor) -> Tensor:
            cache.select(continued)
            return self._network.decoder.logits(self._network.decoder(tokens[:, None], audio, cache)[:, -1])

        length = min(max_length // 2, max_length - begin, self._network.shape.text_positions - begin)
        first = self._network.decoder.logits(states[:, -1])[rows]
        search(step, first, searches, self._limits(suppress_tokens, length), sampling_temperature)
        return [_result(one, float(no_speech[i])) for i, one in enumerate(searches)]

    @torch.inference_mode()
    def detect_language(self, encoded: Tensor) -> list[list[tuple[str, float]]]:
        """The languages of each audio as tokens ("<|en|>") with their probabilities, the most probable first."""
        audio = self._network.decoder.project_audio(encoded)
        states = self._network.decoder(self._tensor([[self._start]] * len(encoded)), audio, DecoderCache())
        logits = self._network.decoder.logits(states[:, -1])[:, list(self._languages.values())]
        odds: list[list[float]] = torch.softmax(logits, dim=-1).tolist()
        found = [list(zip(self._languages, one, strict=True)) for one in odds]
        return [sorted(one, key=lambda pair: -pair[1]) for one in found]

    @torch.inference_mode()
    def align(
        self,
        encoded: Tensor,
        start: Sequence[int],
        texts: Sequence[Sequence[int]],
        frames: Sequence[int],
        *,
        median_filter_width: int = 7,
    ) -> list[AlignmentResult]:
        """Align the tokens of each text with its audio, which has this many mel frames. Empty texts give no path."""
        longest = max(map(len, texts))
        begin = [*start, self._without_times]
        tokens = [[*begin, *text, *[self._end] * (longest + 1 - len(text))] for text in texts]
        attention: dict[int, Tensor] = {layer: encoded for layer, _ in self._network.shape.alignment_heads}
        audio = self._network.decoder.project_audio(encoded)
        states = self._network.decoder(self._tensor(tokens), audio, DecoderCache(), attention)
        results = []
        for i, text in enumerate(texts):
            odds = self._token_odds(states[i], len(start), text) if text else []
            path = self._path(attention, i, len(begin) + len(text) + 1, frames[i] // 2, len(start), median_filter_width)
            results.append(AlignmentResult(path if text else [], odds))
        return results

    def _path(
        self, attention: dict[int, Tensor], i: int, tokens: int, frames: int, first: int, width: int
    ) -> list[tuple[int, int]]:
        """The path of one text. Its end token is no part of the path."""
        heads = [attention[layer][i, head, :tokens, : max(1, frames)] for layer, head in self._heads]
        weights = torch.softmax(torch.stack(heads).float(), dim=-1).cpu().numpy()
        return attention_path(weights, range(first, tokens - 1), width)

    @property
    def _heads(self) -> tuple[tuple[int, int], ...]:
        return self._network.shape.alignment_heads

    def _token_odds(self, states: Tensor, first: int, text: Sequence[int]) -> list[float]:
        """The probability of each token of a text among those of text."""
        logits = self._network.decoder.logits(states[first : first + len(text)])[:, : self._end]
        odds = torch.softmax(logits, dim=-1).gather(1, self._tensor([[token] for token in text]))
        probabilities: list[float] = odds[:, 0].tolist()
        return probabilities

    def _limits(self, suppressed: Sequence[int], length: int) -> SearchLimits:
        never = torch.zeros(self._network.shape.vocabulary, device=self._device)
        never[list(suppressed)] = float("-inf")
        never[self._without_times :] = float("-inf")
        first = torch.zeros_like(never)
        first[[self._end, *self._vocabulary.encode(" ", add_special_tokens=False).ids]] = float("-inf")
        return SearchLimits(self._end, length, never, first)

    def _probabilities(self, states: Tensor) -> Tensor:
        return torch.softmax(self._network.decoder.logits(states), dim=-1)

    def _language_tokens(self) -> dict[str, int]:
        """Those between the start token and the tasks, which are neighbours in every multilingual vocabulary."""
        if not self.is_multilingual:
            return {}
        numbers = range(self._start + 1, self._id("<|translate|>"))
        return {str(self._vocabulary.id_to_token(number)): number for number in numbers}

    def _id(self, token: str) -> int:
        number = self._vocabulary.token_to_id(token)
        if number is None:
            raise ValueError(f"the vocabulary has no token {token}")
        return int(number)

    def _tensor(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(tokens, device=self._device)


def _result(one: Search, no_speech: float) -> GenerationResult:
    total, text = one.best
    return GenerationResult([text], [total / max(1, len(text))], no_speech)
