"""How many sessions one GPU serves: `python -m tests.bench.gpu`, on a machine with an NVIDIA GPU; it needs no network.

The worker's own recognizer decodes batches of 1 to 64, with the weights that are at hand, and with random ones in the
shape of base and of large-v3-turbo: a fixed number of tokens, so the time is that of the computation, and nothing is
learnt of accuracy. Packages that are missing may lie as wheels in a folder (`--wheels`). CTranslate2's wheel was built
for CUDA 12 and loads `libcublas.so.12`, which comes with neither the driver nor CUDA 13: it is looked for in wheels
(`nvidia-cublas-cu12`), packages and CUDA's folders. `--cpu` is a dry run.
"""

from __future__ import annotations

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
SPEECH_S, TOKENS = 6.0, 24
"""An utterance, and what is said in it: four tokens a second, as people who are not in a hurry speak English."""
HEAD = "batch  finals ms  previews ms  features ms  audio s/s  sessions  without previews"
FINAL_BUDGET_S, PREVIEW_BUDGET_S = 0.6, 0.3
"""The worker's own: how long others may have to wait for a batch."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one size of batch took. Seconds for a whole batch."""

    model: str
    compute_type: str
    batch: int
    final_s: float
    """Beam 5."""
    preview_s: float
    """Greedy, with the times of the words; of a whole utterance, the dearest there is."""
    features_s: float
    """Of both, what the CPU spends on one batch's features before the GPU begins."""
    faithful: bool
    """Random weights: whether it said what it must; False speaks against the libraries."""

    @property
    def final_cost(self) -> float:
        """Seconds for each second of audio."""
        return self.final_s / self.batch / SPEECH_S

    @property
    def preview_cost(self) -> float:
        """Seconds each."""
        return self.preview_s / self.batch

    @property
    def soon(self) -> bool:
        """Whether batches of this size keep nobody waiting for longer than the worker allows."""
        return self.final_s <= FINAL_BUDGET_S and self.preview_s <= PREVIEW_BUDGET_S


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What is to be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--model", action="append", default=[], help="a Whisper's name or directory; may be repeated")
    parser.add_argument("--shape", action="append", default=[], help="random weights in this shape; may be repeated")
    parser.add_argument(
        "--like",
        type=Path,
        default=SHARED / "models" / "whisper-tiny-int8",
        help="a folder with a Whisper's tokenizer.json, vocabulary.json and config.json",
    )
    parser.add_argument("--batches", default="1,2,4,8,16,32,64")
    parser.add_argument("--compute-types", default="float16,int8_float16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--index", type=int, default=0, help="which GPU")
    parser.add_argument("--flash-attention", action="store_true")
    parser.add_argument("--wheels", type=Path, help="a folder with wheels of what is missing")
    parser.add_argument("--cublas", type=Path, help=f"the folder of {CUBLAS}")
    parser.add_argument("--cpu", action="store_true", help="a dry run without a GPU")
    parser.add_argument("--json", type=Path, help="all figures go there")
    parser.add_argument("--provided", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> int:
    """Provide what is missing, then measure in a process that finds it."""
    chosen = options()
    if chosen.provided:
        return measured(chosen)
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        environment = provided(chosen, Path(folder))
        command = (sys.executable, "-m", "tests.bench.gpu", *sys.argv[1:], "--provided")
        code = subprocess.run(command, env=environment, check=False).returncode
    if code < 0:
        print(f"it was ended by signal {-code}", file=sys.stderr)
    return code


def provided(chosen: argparse.Namespace, folder: Path) -> dict[str, str]:
    """The environment in which the packages and the library are found. Wheels are unpacked: that takes no pip."""
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
    """The folders in which cuBLAS may lie: of packages, those unpacked to `site` first, and of CUDA."""
    packages = [folder / "nvidia" for folder in (site, *map(Path, sys.path)) if (folder / "nvidia").is_dir()]
    toolkits = [lib for pattern in ("cuda*/lib64", "cuda*/targets/*/lib") for lib in Path("/usr/local").glob(pattern)]
    return [*(lib for package in packages for lib in package.glob("*/lib")), *toolkits]


def cublas(places: Sequence[Path], links: Path) -> list[Path]:
    """The folders to search for CUDA 12's cuBLAS; none when the loader finds it by itself.

    Where there is only CUDA 13's it is linked under the other name. CTranslate2 asks it for nine functions;
    whether they do the same as CUDA 12's is what `Row.faithful` is for.
    """
    if found := next((place for place in places if (place / CUBLAS).exists()), None):
        return [found]
    if loads(CUBLAS):
        return []
    if newer := next((place for place in places if (place / NEWER_CUBLAS).exists()), None):
        (links / CUBLAS).symlink_to(newer / NEWER_CUBLAS)
        print(f"no {CUBLAS}: {newer / NEWER_CUBLAS} stands in for it, which nobody vouches for", file=sys.stderr)
        return [links, newer]
    return []


def missing(chosen: argparse.Namespace) -> Iterator[str]:
    """What stands in the way, and what to do about it."""
    absent = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if absent:
        yield f"packages: {' '.join(absent)}: put their wheels into a folder and name it with --wheels"
    elif not chosen.cpu:
        import ctranslate2

        if not ctranslate2.get_cuda_device_count():
            yield "CTranslate2 finds no GPU: is the driver there (nvidia-smi)? --cpu is a dry run"
        elif not loads(CUBLAS):
            yield f"{CUBLAS}: add the wheel of nvidia-cublas-cu12 to --wheels, or name its folder with --cublas"
    if not (chosen.like / "tokenizer.json").is_file():
        yield f"a tokenizer: {chosen.like} has none; name a Whisper's directory with --like"


def measured(chosen: argparse.Namespace) -> int:
    """Measure and print; 2 when something is missing, 1 when random weights did not say what they must."""
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
    """One row after another: models, arithmetic, batches."""
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
            recognizer.recognize(previews)  # what comes first is slower
            heard = recognizer.recognize(finals)
            faithful = not story or all(one.text == story for one in heard)
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
    """For people."""
    wrong = "" if row.faithful else "  WRONG: it did not say what it must"
    late = "" if row.soon else "  (batches above the worker's budgets)"
    with_previews, without = _sessions(row)
    return (
        f"{row.batch:5} {1000 * row.final_s:10.1f} {1000 * row.preview_s:12.1f} {1000 * row.features_s:12.1f} "
        f"{1 / row.final_cost:10.0f} {with_previews:9} {without:17}{late}{wrong}"
    )


def arithmetic(rows: Sequence[Row]) -> str:
    """From what was measured to sessions on this GPU, at the best size of batch that keeps nobody waiting."""
    from stt_worker.calibration.results import FULL, TALKING

    row = max([row for row in rows if row.soon] or rows[:1], key=lambda row: _sessions(row)[0])
    with_previews, without = _sessions(row)
    return (
        f"{row.model}, {row.compute_type}, batch {row.batch}: finals {1 / row.final_cost:.0f} s of audio a second\n"
        f"  a second of speech takes {1000 * row.final_cost:.2f} ms for its share of a final "
        f"and {1000 * row.preview_cost:.2f} ms for its preview, one each second\n"
        f"  speech for {TALKING:.0%} of the time, the GPU busy for {FULL:.0%}: {FULL} / ({TALKING} * "
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
    """Whether the dynamic loader finds this library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _path(first: Sequence[Path], variable: str) -> str:
    return os.pathsep.join([*map(str, first), *filter(None, [os.environ.get(variable)])])


if __name__ == "__main__":
    sys.exit(main())
