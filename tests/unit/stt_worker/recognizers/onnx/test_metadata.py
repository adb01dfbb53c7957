from pathlib import Path

import pytest

from stt_worker.recognizers.onnx.families import STREAMING_METADATA
from stt_worker.recognizers.onnx.metadata import TAIL_BYTES, metadata_entries
from tests.testkit.models.tone_model import write_tone_model
from tests.testkit.models.tone_transducer import write_tone_transducer


@pytest.mark.parametrize(
    ("streaming", "ctc", "transducer"), [(True, {"chunk_shift"}, {"decode_chunk_len"}), (False, set(), set())]
)
def test_streaming_models_have_entries_of_their_own(
    tmp_path: Path, streaming: bool, ctc: set[str], transducer: set[str]
) -> None:
    written = write_tone_model(tmp_path / "ctc", streaming=streaming)
    assert metadata_entries(written, STREAMING_METADATA) == ctc
    written = write_tone_transducer(tmp_path / "transducer", streaming=streaming)
    assert metadata_entries(written, STREAMING_METADATA) == transducer


def test_large_weights_are_not_read(tmp_path: Path) -> None:
    small = (write_tone_model(tmp_path / "small", streaming=True) / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(bytes(TAIL_BYTES) + small)
    assert metadata_entries(tmp_path, STREAMING_METADATA) == {"chunk_shift"}
    (tmp_path / "model.onnx").write_bytes(small + bytes(TAIL_BYTES))
    assert metadata_entries(tmp_path, STREAMING_METADATA) == set()


def test_only_whole_names_are_entries(tmp_path: Path) -> None:
    written = write_tone_model(tmp_path, streaming=True)
    assert metadata_entries(written, ["chunk", "shift", "chunk_shift_"]) == set()


def test_a_directory_without_models_has_none(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    assert metadata_entries(tmp_path, STREAMING_METADATA) == set()
