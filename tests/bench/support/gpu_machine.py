"""Requirements of the GPU benchmarks on a machine without a network: packages from wheels, cuBLAS, and a tokenizer.

CTranslate2's wheel is built for CUDA 12 and loads `libcublas.so.12`, which neither the driver nor CUDA 13 contains. It
is searched in wheels (`nvidia-cublas-cu12`), packages and CUDA's folders. This module uses argparse and the standard
library only, because click may be one of the missing packages.
"""

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

from tests.paths import ROOT, SHARED

# Module and package names.
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all GPU benchmarks have."""
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
    parser.add_argument("--index", type=int, default=0, help="index of the GPU")
    parser.add_argument("--flash-attention", action="store_true")
    parser.add_argument("--wheels", type=Path, help="folder with wheels of missing packages")
    parser.add_argument("--cublas", type=Path, help=f"folder that contains {CUBLAS}")
    parser.add_argument("--cpu", action="store_true", help="dry run without a GPU")
    parser.add_argument("--json", type=Path, help="also write the full result to this file")
    parser.add_argument("--provided", action="store_true", help=argparse.SUPPRESS)


def run_provided(module: str, chosen: argparse.Namespace) -> int:
    """Run a benchmark again with its arguments, in a process that finds the packages and cuBLAS."""
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        environment = provided(chosen, Path(folder))
        command = (sys.executable, "-m", module, *sys.argv[1:], "--provided")
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


def missing(chosen: argparse.Namespace, needed: Mapping[str, str] = NEEDED) -> Iterator[str]:
    """Missing requirements, and how to provide them."""
    absent = [package for module, package in needed.items() if find_spec(module) is None]
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


def loads(library: str) -> bool:
    """Whether the dynamic loader finds the library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def describe_machine(chosen: argparse.Namespace) -> dict[str, str]:
    """The GPU, the processor and the versions that matter for speed."""
    from backend.engines.gpu_info import gpu_model
    from stt_worker.calibration.machine import cores, processor

    gpu = {} if chosen.cpu else {"gpu": gpu_model(chosen.index)}
    return {
        **gpu,
        "cpu": f"{processor()}, {cores()} cores",
        "python": sys.version.partition(" ")[0],
        **{package: version(package) for package in ("ctranslate2", "faster-whisper", "numpy")},
    }


def _path(first: Sequence[Path], variable: str) -> str:
    return os.pathsep.join([*map(str, first), *filter(None, [os.environ.get(variable)])])
