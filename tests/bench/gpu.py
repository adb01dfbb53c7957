"""Measure how many sessions one GPU serves: `python -m tests.bench.gpu`, on a machine with an NVIDIA GPU.

It needs no network. The worker's recognizer decodes batches of 1 to 64 with the given weights, and with random weights
in the shape of base and large-v3-turbo. Random weights output a fixed number of tokens, so the time is that of the
computation, and accuracy cannot be measured. Missing packages can be provided as wheels in a folder (`--wheels`).
`tests.bench.gpu_live` measures the whole system. `--cpu` is a dry run.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.support import gpu_machine

SPEECH_S, TOKENS = 6.0, 24  # of an utterance: four tokens per second, as in calm English speech
HEAD = "batch  finals ms  previews ms  features ms  audio s/s  sessions  without previews"
FINAL_BUDGET_S, PREVIEW_BUDGET_S = 0.6, 0.3  # the worker's limits for the duration of a batch


@dataclass(frozen=True, slots=True)
class Row:
    """Times for one batch size, in seconds for a whole batch."""

    model: str
    compute_type: str
    batch: int
    final_s: float  # beam 5
    preview_s: float  # greedy, with word times, for a whole utterance: the most expensive preview
    features_s: float  # CPU time for the features of one batch, part of both
    faithful: bool  # with random weights: whether the output is the expected text; False means broken libraries

    @property
    def final_cost(self) -> float:
        """Seconds per second of audio."""
        return self.final_s / self.batch / SPEECH_S

    @property
    def preview_cost(self) -> float:
        """Seconds per preview."""
        return self.preview_s / self.batch

    @property
    def within_limits(self) -> bool:
        """Whether batches of this size stay within the worker's limits."""
        return self.final_s <= FINAL_BUDGET_S and self.preview_s <= PREVIEW_BUDGET_S


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line. It uses argparse, because click may be one of the missing packages."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=(__doc__ or "").partition("\n\n")[0])
    gpu_machine.add_options(parser)
    parser.add_argument("--batches", default="1,2,4,8,16,32,64")
    parser.add_argument("--compute-types", default="float16,int8_float16")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args(arguments)


def main() -> int:
    """Unpack missing packages, then measure in a process that finds them."""
    chosen = options()
    return measured(chosen) if chosen.provided else gpu_machine.run_provided("tests.bench.gpu", chosen)


def measured(chosen: argparse.Namespace) -> int:
    """Measure and print. Returns 2 if a requirement is missing, 1 if a model with random weights has a wrong output."""
    if reasons := list(gpu_machine.missing(chosen)):
        print("\n".join(f"missing: {reason}" for reason in reasons), file=sys.stderr)
        return 2
    rows: list[Row] = []
    about = {
        "machine": gpu_machine.describe_machine(chosen),
        "speech_s": SPEECH_S,
        "tokens": TOKENS,
        "rounds": chosen.rounds,
    }
    print(json.dumps(about))
    for row in trials(chosen):
        if not rows or row.model != rows[-1].model or row.compute_type != rows[-1].compute_type:
            print(f"\n{row.model}, {row.compute_type}\n{HEAD}")
        rows.append(row)
        print(line(row), flush=True)
    for model in dict.fromkeys((row.model, row.compute_type) for row in rows):
        print(f"\n{arithmetic([row for row in rows if (row.model, row.compute_type) == model])}")
    if chosen.json:
        chosen.json.write_text(json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=2))
    return 0 if all(row.faithful for row in rows) else 1


def trials(chosen: argparse.Namespace) -> Iterator[Row]:
    """A row for each model, compute type and batch size."""
    from tests.bench.support.random_whisper import SHAPES, make_model

    for name in chosen.model:
        from backend import models

        yield from _rows(chosen, name, models.resolve(name), story="")
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        for name in chosen.shape or ([] if chosen.model else ["base", "large-v3-turbo"]):
            directory = Path(folder) / name
            story = make_model(directory, SHAPES[name], like=chosen.like, tokens=TOKENS)
            yield from _rows(chosen, f"{name}'s shape, random weights: compute only", directory, story=story)


def _rows(chosen: argparse.Namespace, name: str, directory: Path, *, story: str) -> Iterator[Row]:

    from backend.engines.loading import Hardware
    from stt_worker.calibration.workload import sample_sentences, time_per_batch, utterance
    from stt_worker.recognizers.recognizer import Speech
    from stt_worker.recognizers.whisper import FasterWhisper

    sentences, speaker = sample_sentences()
    label = name if story else f"{name}, real weights, {speaker}"
    place = "cpu" if chosen.cpu else "cuda"
    batches = [int(size) for size in chosen.batches.split(",")]
    for compute_type in ["int8"] if chosen.cpu else chosen.compute_types.split(","):
        hardware = Hardware(place, chosen.index, compute_type, flash_attention=chosen.flash_attention)
        recognizer = FasterWhisper(directory, model=name, hardware=hardware, batch_size=max(batches))
        if not recognizer.device.startswith(place):
            raise SystemExit("the GPU cannot run this model: see the warning above")
        features = recognizer._whisper.feature_extractor
        for batch in batches:
            sounds = [utterance(sentences, i, SPEECH_S) for i in range(batch)]
            finals = [Speech(sound, "en", beam_size=5) for sound in sounds]
            previews = [Speech(sound, "en", words=True, final=False) for sound in sounds]
            recognizer.recognize(previews)  # the first call is slower
            hypotheses = recognizer.recognize(finals)
            faithful = not story or all(one.text == story for one in hypotheses)
            yield Row(
                label,
                recognizer.compute_type,
                batch,
                time_per_batch(recognizer, finals, chosen.rounds),
                time_per_batch(recognizer, previews, chosen.rounds),
                _features_s(features, sounds),
                faithful,
            )


def _features_s(features: Any, sounds: Sequence[Any]) -> float:
    from time import perf_counter

    began = perf_counter()
    for sound in sounds:
        features(sound)
    return perf_counter() - began


def line(row: Row) -> str:
    """A row as text, in the columns of `HEAD`."""
    wrong = "" if row.faithful else "  WRONG: unexpected output"
    late = "" if row.within_limits else "  (batches exceed the worker's limits)"
    with_previews, without = _sessions(row)
    return (
        f"{row.batch:5} {1000 * row.final_s:10.1f} {1000 * row.preview_s:12.1f} {1000 * row.features_s:12.1f} "
        f"{1 / row.final_cost:10.0f} {with_previews:9} {without:17}{late}{wrong}"
    )


def arithmetic(rows: Sequence[Row]) -> str:
    """The number of sessions on this GPU, for the best batch size within the limits, with its derivation."""
    from stt_worker.calibration.results import FULL, TALKING

    row = max([row for row in rows if row.within_limits] or rows[:1], key=lambda row: _sessions(row)[0])
    with_previews, without = _sessions(row)
    return (
        f"{row.model}, {row.compute_type}, batch {row.batch}: finals {1 / row.final_cost:.0f} s of audio per second\n"
        f"  one second of speech takes {1000 * row.final_cost:.2f} ms for its part of a final "
        f"and {1000 * row.preview_cost:.2f} ms for its preview, one per second\n"
        f"  with speech {TALKING:.0%} of the time, and the GPU used {FULL:.0%}: {FULL} / ({TALKING} * "
        f"({row.final_cost:.5f} + {row.preview_cost:.5f})) = {with_previews} sessions, {without} without previews"
    )


def _sessions(row: Row) -> tuple[int, int]:
    from stt_worker.calibration.results import live_sessions

    return live_sessions(row.final_cost, row.preview_cost), live_sessions(row.final_cost, 0.0)


if __name__ == "__main__":
    sys.exit(main())
