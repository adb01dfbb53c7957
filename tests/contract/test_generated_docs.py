"""Generated files are up to date."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def _generated() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    files: dict[Path, str] = module.generated()
    return files


@pytest.mark.parametrize(("path", "text"), _generated().items(), ids=str)
def test_a_generated_file_is_up_to_date(path: Path, text: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path} is stale: run `make docs`"
