"""Where models are looked for, and what is said when they are not there. No network: nothing is fetched here."""

import os
import sys
from pathlib import Path

import pytest

from backend.errors import ModelError
from backend.models import Store
from backend.models import convert as conversion
from backend.models.catalogue import Conversion, File, Hub, Model
from backend.models.download import UnavailableError
from backend.models.record import RECORD, DamagedError, check, write

WHISPER = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
NLLB = ("model.bin", "shared_vocabulary.json", "sentencepiece.bpe.model")
OPUS = ("model/model.bin", "sentencepiece.model")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
TINY = Model(
    name="whisper-tiny",
    kind="whisper",
    licence="MIT",
    size=0,
    sources=(),
    files=tuple(File(name, 0, EMPTY) for name in WHISPER),
    aliases=("tiny",),
)


def lay(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).touch()
    return directory


def store(tmp_path: Path, *, home: bool = True) -> Store:
    return Store(cache=tmp_path / "cache", home=tmp_path / "home" if home else None, catalogue=(TINY,))


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NOVA_MODELS_DIR", "NOVA_CACHE_DIR", "XDG_CACHE_HOME", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Store.from_environment() == Store(cache=tmp_path / ".cache" / "nova-voice" / "models")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert Store.from_environment().cache == Path("/xdg/nova-voice/models")
    monkeypatch.setenv("NOVA_CACHE_DIR", "~/nova")
    monkeypatch.setenv("NOVA_MODELS_DIR", "/srv/models")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert Store.from_environment() == Store(
        cache=tmp_path / "nova" / "models", home=Path("/srv/models"), endpoint="https://mirror.example"
    )


def test_a_directory_may_be_given_by_its_path(tmp_path: Path) -> None:
    mine = lay(tmp_path / "mine", *NLLB)
    assert store(tmp_path).resolve(str(mine)) == mine


@pytest.mark.parametrize("spelled", ["whisper-tiny", "tiny"])
def test_a_model_of_your_own_goes_before_the_cache(tmp_path: Path, spelled: str) -> None:
    mine = lay(tmp_path / "home" / spelled, *WHISPER)
    lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    assert store(tmp_path).resolve("tiny") == mine


def test_a_model_that_the_catalogue_does_not_know_is_found_by_name(tmp_path: Path) -> None:
    mine = lay(tmp_path / "home" / "opus-en-es", *OPUS)
    assert store(tmp_path).resolve("opus-en-es") == mine
    assert store(tmp_path).fetch("opus-en-es") == mine


def test_a_model_of_another_kind_under_a_known_name_is_refused(tmp_path: Path) -> None:
    lay(tmp_path / "home" / "tiny", *NLLB)
    with pytest.raises(ModelError, match="kind nllb, not whisper"):
        store(tmp_path).resolve("tiny")


def test_a_missing_model_is_told_how_to_be_had(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nova models pull whisper-tiny"):
        store(tmp_path).resolve("tiny")


def test_an_unknown_name_is_told_the_known_ones(tmp_path: Path) -> None:
    for act in (store(tmp_path).resolve, store(tmp_path).fetch):
        with pytest.raises(ModelError, match=r"neither a directory nor a model that we know: whisper-tiny"):
            act("whisper-gigantic")


def test_files_put_into_the_cache_by_hand_are_verified_and_recorded(tmp_path: Path) -> None:
    place = lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    assert store(tmp_path).resolve("tiny") == place
    assert (place / RECORD).is_file()


def test_other_files_under_a_known_name_in_the_cache_are_refused(tmp_path: Path) -> None:
    place = lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    (place / "model.bin").write_bytes(b"something else")
    with pytest.raises(DamagedError, match=r"model\.bin .* is not what it should be.*nova models pull whisper-tiny"):
        store(tmp_path).resolve("tiny")


def test_what_was_recorded_is_not_read_again_until_it_changes(tmp_path: Path) -> None:
    file = lay(tmp_path, "model.bin") / "model.bin"
    file.write_bytes(b"sound")
    recorded = file.stat()
    write(tmp_path, {"model.bin": "5ae3d5ba19e2d1d9d8bf4b4c7c0e0f6e"})  # no digest of it: reading it would tell
    check(tmp_path, {})
    file.write_bytes(b"sound")
    os.utime(file, ns=(recorded.st_atime_ns, recorded.st_mtime_ns + 1))
    with pytest.raises(DamagedError, match=r"model\.bin"):
        check(tmp_path, {})


def test_a_file_that_was_only_touched_is_still_sound(tmp_path: Path) -> None:
    file = lay(tmp_path, "model.bin") / "model.bin"
    write(tmp_path, {"model.bin": EMPTY})
    os.utime(file, ns=(1, 1))
    check(tmp_path, {})
    assert '"mtime_ns": 1,' in (tmp_path / RECORD).read_text()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"files": {"model.bin": 3}}'])
def test_a_broken_record_counts_for_nothing(tmp_path: Path, text: str) -> None:
    lay(tmp_path, "model.bin")
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(DamagedError):
        check(tmp_path, {})
    check(tmp_path, {"model.bin": EMPTY})


def test_a_file_that_vanished_is_missed(tmp_path: Path) -> None:
    lay(tmp_path, "model.bin", "config.json")
    write(tmp_path, {"model.bin": EMPTY, "config.json": EMPTY})
    (tmp_path / "config.json").unlink()
    with pytest.raises(DamagedError, match=r"lacks config\.json"):
        check(tmp_path, {})


def test_installed_lists_what_is_sound_and_nothing_else(tmp_path: Path) -> None:
    lay(tmp_path / "home" / "opus-en-es", *OPUS)
    lay(tmp_path / "home" / "notes", "README")
    lay(tmp_path / "cache" / "whisper-tiny", *WHISPER)
    lay(tmp_path / "cache" / ".incoming" / "whisper-base", *WHISPER)
    found = store(tmp_path).installed()
    assert [(model.name, model.kind) for model in found] == [("opus-en-es", "opus"), ("whisper-tiny", "whisper")]
    (tmp_path / "cache" / "whisper-tiny" / "model.bin").write_bytes(b"damaged")
    assert [model.name for model in store(tmp_path).installed()] == ["opus-en-es"]


def test_on_a_bare_machine_nothing_is_installed(tmp_path: Path) -> None:
    assert store(tmp_path, home=False).installed() == []


NLLB_CONVERSION = Conversion(Hub("facebook/nllb", "0" * 40), files=(), copied=("sentencepiece.bpe.model",))


def test_the_converter_quantizes_and_keeps_the_tokenizer(tmp_path: Path) -> None:
    command = conversion.command(NLLB_CONVERSION, tmp_path / "official", tmp_path / "out")
    assert command[:3] == [sys.executable, "-m", "ctranslate2.converters.transformers"]
    options = dict(zip(command[3:-1:2], command[4:-1:2], strict=True))
    assert options == {
        "--model": str(tmp_path / "official"),
        "--output_dir": str(tmp_path / "out"),
        "--quantization": "int8",
        "--copy_files": "sentencepiece.bpe.model",
    }


def test_without_the_extra_the_converter_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_NEEDED", ("a_module_that_nobody_has",))
    with pytest.raises(UnavailableError, match=r"needs a_module_that_nobody_has: pip install 'nova-voice\[convert\]'"):
        conversion.require_extra()


def test_a_conversion_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="the conversion failed: "):
        conversion.convert(NLLB_CONVERSION, tmp_path / "nothing here", tmp_path / "out")
