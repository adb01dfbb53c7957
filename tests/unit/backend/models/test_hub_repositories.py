"""Repositories of the hub that are not in the catalogue: hf://ORG/NAME."""

from pathlib import Path

import pytest

from backend.errors import ModelError
from backend.models import ModelStore
from backend.models.hub import HubConfig, parse_repository
from backend.models.specs import HubSource

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "hf://someone/sherpa-onnx-zipformer-ru"
# Nothing listens on this port.
UNREACHABLE = "http://127.0.0.1:9"


def store(folder: Path, *, offline: bool = False) -> ModelStore:
    return ModelStore(folder / "models", HubConfig(folder / "hub", UNREACHABLE, offline))


def download(folder: Path, *files: str) -> Path:
    """Lay out a downloaded repository as huggingface_hub does."""
    repository = folder / "hub" / "models--someone--sherpa-onnx-zipformer-ru"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    for file in files:
        (snapshot / file).write_text("")
    return snapshot


def test_a_repository_may_have_a_revision() -> None:
    assert parse_repository(NAME) == HubSource("someone/sherpa-onnx-zipformer-ru", "main")
    assert parse_repository(f"{NAME}@v1.0").revision == "v1.0"


@pytest.mark.parametrize(
    "name",
    [
        "hf://",
        "hf://someone",
        "hf://a/b/c",
        "hf://a/b@",
        "hf://a/../b",
        "hf://a/..",
        "hf://a/b@../c",
        "hf://a/b@/etc",
        "hf://a/b@-x",
        "hf://a/b c",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match="expected hf://ORG/NAME"):
        parse_repository(name)


def test_a_downloaded_repository_is_used_without_network_access(tmp_path: Path) -> None:
    snapshot = download(tmp_path, "tokens.txt", "model.onnx")
    for name in (NAME, f"{NAME}@{COMMIT}"):
        assert store(tmp_path).resolve(name) == store(tmp_path, offline=True).fetch(name) == snapshot


def test_a_repository_without_a_known_format_is_refused(tmp_path: Path) -> None:
    download(tmp_path, "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"sherpa-onnx needs tokens\.txt"):
        store(tmp_path).resolve(NAME)


def test_a_missing_repository_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"is not on this machine: run `nova models pull {NAME}`"):
        store(tmp_path).resolve(NAME)


def test_an_unreachable_hub_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"{NAME} could not be downloaded from {UNREACHABLE}: ") as refused:
        store(tmp_path).fetch(NAME)
    assert "\n" not in refused.value.message


def test_nothing_is_downloaded_if_that_is_forbidden(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE forbids"):
        store(tmp_path, offline=True).fetch(NAME)
