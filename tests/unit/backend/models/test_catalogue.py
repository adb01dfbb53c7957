"""Every download is pinned, every name is unambiguous, and the reference page states kind and licence."""

import re
from pathlib import Path

import pytest

from backend.errors import ModelError
from backend.models import CATALOGUE, ModelSpec, auto, find
from backend.models.specs import (
    ArgosSource,
    ConversionSource,
    FileSpec,
    HubSource,
    PyPIRelease,
    SdistSource,
    WheelSource,
)

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "models.md"


def pinned(model: ModelSpec) -> list[FileSpec | PyPIRelease]:
    """Everything that the sources of a model download."""
    found: list[FileSpec | PyPIRelease] = []
    for source in model.sources:
        match source:
            case WheelSource(releases):
                found += releases
            case ArgosSource(_, file):
                found.append(file)
            case SdistSource(release, _, _, file):
                found += [release, file]
            case ConversionSource(_, files):
                found += files
            case HubSource():
                found += model.files
    return found


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_download_has_a_digest_and_a_size(model: ModelSpec) -> None:
    downloads = pinned(model)
    assert downloads
    for item in (*downloads, *model.files):
        assert re.fullmatch(r"[0-9a-f]{64}", item.sha256), item
        assert item.size > 0


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_hub_source_is_pinned_to_a_commit(model: ModelSpec) -> None:
    for source in model.sources:
        hub = source.origin if isinstance(source, ConversionSource) else source
        if isinstance(hub, HubSource):
            assert re.fullmatch(r"[0-9a-f]{40}", hub.revision)


def test_the_size_of_a_hub_model_is_the_sum_of_its_files() -> None:
    for model in CATALOGUE:
        if model.files and isinstance(model.sources[0], HubSource):
            assert model.size == sum(file.size for file in model.files)


def test_names_and_aliases_are_unique() -> None:
    names = [name.lower() for model in CATALOGUE for name in (model.name, *model.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("base", "whisper-base"),
        ("whisper-base", "whisper-base"),
        ("Whisper-Base", "whisper-base"),
        ("faster-whisper-small", "whisper-small"),
        ("large-v3-turbo", "whisper-large-v3-turbo"),
        ("nllb", "nllb-200-distilled-600M"),
        ("nllb-200-distilled-600m", "nllb-200-distilled-600M"),
        ("opus-zh-en", "opus-zh-en"),
    ],
)
def test_lookup_accepts_names_and_aliases_in_any_case(spelled: str, name: str) -> None:
    model = find(spelled)
    assert model is not None
    assert model.name == name


def test_lookup_of_an_unknown_name_returns_none() -> None:
    assert find("whisper-gigantic") is None


@pytest.mark.parametrize(
    ("kind", "device", "name"),
    [
        ("whisper", "cpu", "whisper-base"),
        ("whisper", "cuda", "whisper-large-v3-turbo"),
        ("whisper", "cuda:1", "whisper-large-v3-turbo"),
        ("nllb", "cpu", "nllb-200-distilled-600M"),
        ("noise", "cpu", "gtcrn"),
    ],
)
def test_auto_selects_a_known_model_for_the_device(kind: str, device: str, name: str) -> None:
    chosen = auto(kind, device)  # type: ignore[arg-type]
    assert chosen == name
    assert find(chosen) is not None


def test_auto_cannot_select_a_pair_of_languages() -> None:
    with pytest.raises(ModelError, match="opus-zh-en"):
        auto("opus", "cpu")


def test_the_non_commercial_licence_is_stated() -> None:
    nllb = find("nllb")
    assert nllb is not None
    assert "non-commercial" in nllb.licence


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_the_reference_page_states_kind_and_licence(model: ModelSpec) -> None:
    row = next(line for line in REFERENCE.read_text().splitlines() if line.startswith(f"| `{model.name}` |"))
    assert f"| {model.kind} |" in row
    assert f"| {model.licence} |" in row
