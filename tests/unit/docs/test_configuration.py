"""configuration.md lists every environment variable that the code reads, and no other one."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"(?:NOVA|GATEWAY|STT|TRANSLATION|REDIS|HF|HUGGINGFACE|OTEL|XDG|CUDA)_[A-Z0-9_]+")
# huggingface_hub and the OpenTelemetry SDK read these.
READ_BY_LIBRARIES = {
    "HF_TOKEN",
    "HF_HUB_DOWNLOAD_TIMEOUT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
}
# Standard folder of desktop settings, where the autostart entry is written.
OF_THE_DESKTOP = {"XDG_CONFIG_HOME"}


def production_files(*suffixes: str) -> list[Path]:
    folders = ("backend", "gateway", "stt_worker", "translation_worker", "frontend/main", "frontend/src")
    return [file for folder in folders for file in (ROOT / folder).rglob("*") if file.suffix in suffixes]


def names_in_python() -> set[str]:
    """String literals that are names of variables, wherever they are used."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in production_files(".py"))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and VARIABLE.fullmatch(value)}


def names_in_typescript() -> set[str]:
    text = "\n".join(file.read_text(encoding="utf-8") for file in production_files(".ts", ".tsx"))
    return {name for name in re.findall(r"process\.env\.(\w+)", text) if VARIABLE.fullmatch(name)} - OF_THE_DESKTOP


def other_variables() -> set[str]:
    return set(re.findall(r"^\| `(\w+)`", PAGE.partition("## Other variables")[2], re.MULTILINE))


def test_every_variable_that_the_code_reads_is_on_the_page() -> None:
    read = names_in_python() | names_in_typescript()
    assert {"NOVA_CACHE_DIR", "NOVA_KEY", "HF_ENDPOINT", "OTEL_SDK_DISABLED"} <= read
    assert {name for name in read if name not in PAGE} == set()


def test_every_other_variable_on_the_page_is_read_by_the_code_or_by_a_library() -> None:
    assert other_variables() - names_in_python() - names_in_typescript() == READ_BY_LIBRARIES
