"""Where the store looks for models, and its errors. Downloads are tested in tests/integration."""

from pathlib import Path

import pytest

from backend.errors import DamagedModelError, ModelError
from backend.models import ModelStore
from backend.models.hub import HubConfig
from backend.models.specs import FileSpec, HubSource, ModelSpec
from backend.models.verification import RECORD_NAME
from tests.unit.backend.models.files import EMPTY, lay

WHISPER = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
NLLB = ("model.bin", "shared_vocabulary.json", "sentencepiece.bpe.model")
OPUS = ("model/model.bin", "sentencepiece.model")
HUB = HubSource("some/tiny", "0" * 40)
FILES = tuple(FileSpec(name, 0, EMPTY) for name in WHISPER)
TINY = ModelSpec("whisper-tiny", "whisper", "MIT", 0, (HUB,), FILES, aliases=("tiny",))


def store(tmp_path: Path, *, home: bool = True) -> ModelStore:
    hub, own = HubConfig(tmp_path / "hub"), tmp_path / "home" if home else None
    return ModelStore(cache=tmp_path / "cache", hub=hub, home=own, catalogue=(TINY,))


def test_the_store_is_configured_by_environment_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NOVA_MODELS_DIR", "NOVA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    default = ModelStore.from_environment()
    assert (default.cache, default.home) == (tmp_path / ".cache" / "nova-voice" / "models", None)
    assert default.hub == HubConfig.from_environment()
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert ModelStore.from_environment().cache == Path("/xdg/nova-voice/models")
    monkeypatch.setenv("NOVA_CACHE_DIR", "~/nova")
    monkeypatch.setenv("NOVA_MODELS_DIR", "/srv/models")
    configured = ModelStore.from_environment()
    assert (configured.cache, configured.home) == (tmp_path / "nova" / "models", Path("/srv/models"))


def test_a_directory_is_resolved_by_its_path(tmp_path: Path) -> None:
    mine = lay(tmp_path / "mine", *NLLB)
    assert store(tmp_path).resolve(str(mine)) == mine


@pytest.mark.parametrize("spelled", ["whisper-tiny", "tiny"])
def test_a_model_of_the_user_takes_precedence_over_the_cache(tmp_path: Path, spelled: str) -> None:
    mine = lay(tmp_path / "home" / spelled, *WHISPER)
    lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    assert store(tmp_path).resolve("tiny") == mine


def test_a_model_outside_the_catalogue_is_found_by_name(tmp_path: Path) -> None:
    mine = lay(tmp_path / "home" / "opus-en-es", *OPUS)
    assert store(tmp_path).resolve("opus-en-es") == mine
    assert store(tmp_path).fetch("opus-en-es") == mine


def test_a_model_of_another_kind_under_a_known_name_is_refused(tmp_path: Path) -> None:
    lay(tmp_path / "home" / "tiny", *NLLB)
    with pytest.raises(ModelError, match="kind nllb, not whisper"):
        store(tmp_path).resolve("tiny")


def test_the_error_for_a_missing_model_names_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nova models pull whisper-tiny"):
        store(tmp_path).resolve("tiny")


def test_the_error_for_an_unknown_name_lists_the_known_models(tmp_path: Path) -> None:
    for act in (store(tmp_path).resolve, store(tmp_path).fetch):
        with pytest.raises(ModelError, match=r"neither a directory nor a known model \(whisper-tiny\)"):
            act("whisper-gigantic")


def test_files_copied_into_the_cache_are_verified_and_recorded(tmp_path: Path) -> None:
    place = lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    assert store(tmp_path).resolve("tiny") == place
    assert (place / RECORD_NAME).is_file()


def test_wrong_files_under_a_known_name_in_the_cache_are_refused(tmp_path: Path) -> None:
    place = lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    (place / "model.bin").write_bytes(b"something else")
    with pytest.raises(DamagedModelError, match=r"model\.bin .* is damaged.*nova models pull whisper-tiny"):
        store(tmp_path).resolve("tiny")


def test_installed_lists_undamaged_models_only(tmp_path: Path) -> None:
    lay(tmp_path / "home" / "opus-en-es", *OPUS)
    lay(tmp_path / "home" / "notes", "README")
    lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    lay(tmp_path / "cache" / ".incoming" / "whisper-base", *WHISPER)
    found = store(tmp_path).installed()
    assert [(model.name, model.kind) for model in found] == [("opus-en-es", "opus"), ("whisper-tiny", "whisper")]
    (tmp_path / "cache" / "whisper-tiny" / "model.bin").write_bytes(b"damaged")
    assert [model.name for model in store(tmp_path).installed()] == ["opus-en-es"]


def test_nothing_is_installed_on_a_new_machine(tmp_path: Path) -> None:
    assert store(tmp_path, home=False).installed() == []


def test_a_damaged_copy_in_the_cache_is_ignored_when_the_hub_cache_has_an_intact_one(tmp_path: Path) -> None:
    damaged = lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    (damaged / "model.bin").write_bytes(b"damaged")
    snapshot = lay(HubConfig(tmp_path / "hub").snapshot(HUB), *WHISPER)
    assert store(tmp_path).resolve("tiny") == snapshot


def test_an_incomplete_snapshot_in_the_hub_cache_is_a_missing_model(tmp_path: Path) -> None:
    lay(HubConfig(tmp_path / "hub").snapshot(HUB), *WHISPER[:-1])
    with pytest.raises(ModelError, match="not on this machine"):
        store(tmp_path).resolve("tiny")
