"""Measure how many sessions one GPU serves: `python -m tests.bench.gpu`, on a machine with an NVIDIA GPU.

It needs no network. The worker's recognizer decodes batches of 1 to 64 with the given weights, and with random weights
in the shape of base and large-v3-turbo. Random weights output a fixed number of tokens, so the time is that of the
computation, and accuracy cannot be measured. Missing packages can be provided as wheels in a folder (`--wheels`).
CTranslate2's wheel is built for CUDA 12 and loads `libcublas.so.12`, which neither the driver nor CUDA 13 contains. It
is searched in wheels (`nvidia-cublas-cu12`), packages and CUDA's folders. `--cpu` is a dry run.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from tests.paths import ROOT, SHARED

NEEDED = {
    "av": "av",
    "ctranslate2": "ctranslate2",
    "faster_whisper": "faster-whisper",
    "huggingface_hub": "huggingface-hub",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "pydantic": "pydantic",
    "pydantic_settings": "pydantic-settings",
    "rich": "rich",
    "structlog": "structlog",
    "threadpoolctl": "threadpoolctl",
    "tokenizers": "tokenizers",
    "tqdm": "tqdm",
    "yaml": "pyyaml",
}
CUBLAS, NEWER_CUBLAS = "libcublas.so.12", "libcublas.so.13"
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
    parser.add_argument(
        "--model", action="append", default=[], help="Whisper model, name or directory; may be repeated"
    )
    parser.add_argument("--shape", action="append", default=[], help="random weights in this shape; may be repeated")
    parser.add_argument(
        "--like",
        type=Path,
        default=SHARED / "models" / "whisper-tiny-int8",
        help="folder with tokenizer.json, vocabulary.json and config.json of a Whisper model",
    )
    parser.add_argument("--batches", default="1,2,4,8,16,32,64")
    parser.add_argument("--compute-types", default="float16,int8_float16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--index", type=int, default=0, help="index of the GPU")
    parser.add_argument("--flash-attention", action="store_true")
    parser.add_argument("--wheels", type=Path, help="folder with wheels of missing packages")
    parser.add_argument("--cublas", type=Path, help=f"folder that contains {CUBLAS}")
    parser.add_argument("--cpu", action="store_true", help="dry run without a GPU")
    parser.add_argument("--json", type=Path, help="also write the full result to this file")
    parser.add_argument("--provided", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> int:
    """Unpack missing packages, then measure in a process that finds them."""
    chosen = options()
    if chosen.provided:
        return measured(chosen)
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        environment = provided(chosen, Path(folder))
        command = (sys.executable, "-m", "tests.bench.gpu", *sys.argv[1:], "--provided")
        code = subprocess.run(command, env=environment, check=False).returncode
    if code < 0:
        print(f"terminated by signal {-code}", file=sys.stderr)
    return code


def provided(chosen: argparse.Namespace, folder: Path) -> dict[str, str]:
    """Environment variables with which packages and cuBLAS are found. Wheels are unpacked, so pip is not needed."""
    site = folder / "site"
    for wheel in sorted(chosen.wheels.glob("*.whl")) if chosen.wheels else ():
        with ZipFile(wheel) as archive:
            archive.extractall(site)
    libraries = [] if chosen.cpu else cublas([*([chosen.cublas] if chosen.cublas else []), *places(site)], folder)
    return {
        **os.environ,
        "PYTHONPATH": _path([site, ROOT], "PYTHONPATH"),
        "LD_LIBRARY_PATH": _path(libraries, "LD_LIBRARY_PATH"),
    }


def places(site: Path) -> list[Path]:
    """Folders that may contain cuBLAS: of packages, beginning with those unpacked to `site`, and of CUDA."""
    packages = [folder / "nvidia" for folder in (site, *map(Path, sys.path)) if (folder / "nvidia").is_dir()]
    toolkits = [lib for pattern in ("cuda*/lib64", "cuda*/targets/*/lib") for lib in Path("/usr/local").glob(pattern)]
    return [*(lib for package in packages for lib in package.glob("*/lib")), *toolkits]


def cublas(places: Sequence[Path], links: Path) -> list[Path]:
    """Folders to search for cuBLAS of CUDA 12. Empty if the loader finds it without them.

    If there is only cuBLAS of CUDA 13, it is linked under the other name. CTranslate2 uses nine of its functions.
    `Row.faithful` shows whether they behave as those of CUDA 12.
    """
    if found := next((place for place in places if (place / CUBLAS).exists()), None):
        return [found]
    if loads(CUBLAS):
        return []
    if newer := next((place for place in places if (place / NEWER_CUBLAS).exists()), None):
        (links / CUBLAS).symlink_to(newer / NEWER_CUBLAS)
        print(f"no {CUBLAS}: {newer / NEWER_CUBLAS} is used instead, which is untested", file=sys.stderr)
        return [links, newer]
    return []


def missing(chosen: argparse.Namespace) -> Iterator[str]:
    """Missing requirements, and how to provide them."""
    absent = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if absent:
        yield f"packages {' '.join(absent)}: put their wheels into a folder and use --wheels FOLDER"
    elif not chosen.cpu:
        import ctranslate2

        if not ctranslate2.get_cuda_device_count():
            yield "GPU: CTranslate2 finds none. Check the driver with nvidia-smi, or use --cpu for a dry run"
        elif not loads(CUBLAS):
            yield f"{CUBLAS}: add the wheel of nvidia-cublas-cu12 to --wheels, or use --cublas FOLDER"
    if not (chosen.like / "tokenizer.json").is_file():
        yield f"a tokenizer: {chosen.like} has none. Use --like with the directory of a Whisper model"


def measured(chosen: argparse.Namespace) -> int:
    """Measure and print. Returns 2 if a requirement is missing, 1 if a model with random weights has a wrong output."""
    if reasons := list(missing(chosen)):
        print("\n".join(f"missing: {reason}" for reason in reasons), file=sys.stderr)
        return 2
    rows: list[Row] = []
    about = {"machine": _machine(chosen), "speech_s": SPEECH_S, "tokens": TOKENS, "rounds": chosen.rounds}
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
    from faster_whisper.feature_extractor import FeatureExtractor

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
        features = FeatureExtractor(**recognizer._whisper.feat_kwargs)
        for batch in batches:
            sounds = [utterance(sentences, i, SPEECH_S) for i in range(batch)]
            finals = [Speech(sound, "en", beam_size=5) for sound in sounds]
            previews = [Speech(sound, "en", words=True, final=False) for sound in sounds]
            recognizer.recognize(previews)  # the first call is slower
            hypotheses = recognizer.recognize(finals)
            faithful = not story or all(one.text == story for one in hypotheses)
            yield Row(
                label,
                recognizer._whisper.model.compute_type,
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


def _machine(chosen: argparse.Namespace) -> dict[str, str]:
    from backend.engines.gpu_info import gpu_model
    from stt_worker.calibration.machine import cores, processor

    gpu = {} if chosen.cpu else {"gpu": gpu_model(chosen.index)}
    return {
        **gpu,
        "cpu": f"{processor()}, {cores()} cores",
        "python": sys.version.partition(" ")[0],
        **{package: version(package) for package in ("ctranslate2", "faster-whisper", "numpy")},
    }


def loads(library: str) -> bool:
    """Whether the dynamic loader finds the library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _path(first: Sequence[Path], variable: str) -> str:
    return os.pathsep.join([*map(str, first), *filter(None, [os.environ.get(variable)])])


if __name__ == "__main__":
    sys.exit(main())
