"""Beam search and sampling over a batch. Texts of a batch may begin with different numbers of forced tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

# A step of the decoder: the tokens [rows] that were chosen, and the rows that they continue; returns the logits
# [rows, vocabulary] of the next ones.
DecoderStep = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """`length`: the longest answer, forced tokens included. `suppressed`: [vocabulary], what is never written.

    `suppressed_first`: what is not written first, such as the end of the text.
    """

    end: int
    length: int
    suppressed: Tensor
    suppressed_first: Tensor


@dataclass(slots=True)
class Search:
    """The search for one text. `forced`: the tokens that it begins with.

    `texts` and `scores` are those of the beams; `found` holds complete texts with their sums of log probabilities.
    """

    forced: Sequence[int]
    beams: int
    texts: list[list[int]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    found: list[tuple[float, list[int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.texts = [[] for _ in range(self.beams)]
        # All beams are equal at first: the others join when there is a choice.
        self.scores = [0.0] + [float("-inf")] * (self.beams - 1)

    @property
    def is_done(self) -> bool:
        """Whether no beam may still become better than what was found.

        Where one beam is almost certain, the others are so improbable that their early ends are soon among the best
        candidates. They must not end the search.
        """
        if len(self.found) < self.beams:
            return False
        return max(self.scores) / max(1, len(self.texts[0])) <= _mean(*self.best)

    @property
    def best(self) -> tuple[float, list[int]]:
        """The most probable text by its mean over the tokens, and the sum of its log probabilities."""
        return max(self.found, key=lambda found: _mean(*found))

    def force(self) -> list[tuple[int, int]]:
        """Continue all beams with the next forced token. Returns the beam that each one continues, and the token."""
        token = self.forced[len(self.texts[0])]
        self.texts = [[*text, token] for text in self.texts]
        return [(beam, token) for beam in range(self.beams)]

    def choose(self, candidates: Sequence[tuple[float, int, int]], end: int) -> list[tuple[int, int]]:
        """Continue the best beams. `candidates`: sum, beam and token, the best first, at least two for each beam."""
        kept: list[tuple[float, int, int]] = []
        for rank, (total, beam, token) in enumerate(candidates):
            if token != end:
                kept.append((total, beam, token))
            elif rank < self.beams and total > float("-inf"):
                self.found.append((total, self.texts[beam]))
            if len(kept) == self.beams:
                break
        return self._continue(kept)

    def sample(self, drawn: Sequence[tuple[float, int]], end: int) -> list[tuple[int, int]]:
        """Continue each beam with the token that was drawn for it, given with its log probability."""
        if len(self.texts[0]) == len(self.forced):
            self.scores = [0.0] * self.beams
        for beam, (logprob, token) in enumerate(drawn):
            if token == end and self.scores[beam] > float("-inf"):
                self.found.append((self.scores[beam] + logprob, self.texts[beam]))
                self.scores[beam] = float("-inf")
        return self._continue([(self.scores[beam] + value, beam, token) for beam, (value, token) in enumerate(drawn)])

    def stop(self) -> None:
        """Accept the texts that have not ended, if they may be better than those that have."""
        if not self.is_done:
            self.found += [found for found in zip(self.scores, self.texts, strict=True) if found[0] > float("-inf")]

    def _continue(self, kept: Sequence[tuple[float, int, int]]) -> list[tuple[int, int]]:
        self.texts = [[*self.texts[beam], token] for _, beam, token in kept]
        self.scores = [total for total, _, _ in kept]
        return [(beam, token) for _, beam, token in kept]


def search(
    step: DecoderStep, logits: Tensor, searches: Sequence[Search], limits: SearchLimits, temperature: float = 0.0
) -> None:
    """Find a text for each search. `logits` [searches * beams, vocabulary]: those after the common beginning.

    A temperature above 0 samples.
    """
    beams = searches[0].beams
    for written in range(limits.length):
        logprobs = _logprobs(logits, searches, limits, written).view(len(searches), beams, -1)
        moves = [
            one.force() if written < len(one.forced) else _extend(one, logprobs[i], limits.end, temperature)
            for i, one in enumerate(searches)
        ]
        if all(one.is_done for one in searches) or written + 1 == limits.length:
            break
        rows = [i * beams + beam for i, chosen in enumerate(moves) for beam, _ in chosen]
        tokens = [token for chosen in moves for _, token in chosen]
        logits = step(torch.tensor(tokens, device=logits.device), torch.tensor(rows, device=logits.device))
    for one in searches:
        one.stop()


def _mean(total: float, text: Sequence[int]) -> float:
    """The mean over the tokens of a text and its end."""
    return total / (len(text) + 1)


def _logprobs(logits: Tensor, searches: Sequence[Search], limits: SearchLimits, written: int) -> Tensor:
    logits = logits + limits.suppressed
    first = [i for i, one in enumerate(searches) if len(one.forced) == written]
    if first:
        by_search = logits.view(len(searches), -1, logits.shape[-1])
        by_search[first] += limits.suppressed_first
    return torch.log_softmax(logits, dim=-1)


def _extend(one: Search, logprobs: Tensor, end: int, temperature: float) -> list[tuple[int, int]]:
    """Continue the beams of one search by the log probabilities [beams, vocabulary]."""
    if temperature:
        tokens = torch.multinomial(torch.softmax(logprobs / temperature, dim=-1), 1)
        values = logprobs.gather(1, tokens)
        return one.sample(list(zip(values[:, 0].tolist(), tokens[:, 0].tolist(), strict=True)), end)
    totals = logprobs + torch.tensor(one.scores, device=logprobs.device)[:, None]
    best, places = totals.flatten().topk(2 * one.beams)
    size = logprobs.shape[-1]
    candidates = zip(best.tolist(), places.tolist(), strict=True)
    return one.choose([(total, place // size, place % size) for total, place in candidates], end)
