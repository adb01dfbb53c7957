"""A file whose first utterance was detected in a wrong language: `nova transcribe` asks again, and keeps the rest."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from websockets.sync.server import ServerConnection

from backend.messages.jobs import BYTES_PER_SECOND
from backend.messages.protocol import Done, Final, Ready, Translation, to_json
from tests.integration.test_cli_files import serving
from tests.testkit.audio.media_files import encode
from tests.testkit.streams.jobs import final
from tests.testkit.system.command import nova

RATE = BYTES_PER_SECOND // 2
# Seconds of each utterance in the recording, and its level, by which the server below recognizes it.
UTTERANCES = {1: (1.0, 2.0, 1_000), 2: (3.0, 8.0, 2_000), 3: (9.0, 12.0, 3_000)}


def recording(path: Path) -> Path:
    samples = np.zeros(13 * RATE, np.int16)
    for begin_s, end_s, level in UTTERANCES.values():
        samples[int(begin_s * RATE) : int(end_s * RATE)] = level
    return encode(path, samples)


@pytest.fixture
def server() -> Iterator[str]:
    """Recognizes each level as a sentence. Without earlier English, it detects Dutch in the first sentence."""

    def answer(socket: ServerConnection) -> None:
        start = json.loads(socket.recv())
        socket.send(to_json(Ready(session="s")))
        pcm = bytearray()
        while isinstance(frame := socket.recv(), bytes):
            pcm += frame
        for said in recognized(np.frombuffer(bytes(pcm), "<i2"), tuple(start["translate_to"])):
            socket.send(to_json(said))
            for target in said.translate_to:
                text = f"{said.text} in {target}"
                socket.send(to_json(Translation(utterance=said.utterance, language=target, text=text, is_final=True)))
        socket.send(to_json(Done()))

    with serving(answer) as where:
        yield where


def recognized(samples: "np.typing.NDArray[np.int16]", translate_to: tuple[str, ...]) -> list[Final]:
    finals: list[Final] = []
    edges = np.flatnonzero(np.diff(samples, prepend=0, append=0)).reshape(-1, 2)
    for begin, end in edges:
        level = int(samples[begin]) // 1_000
        language = {1: "en" if finals else "nl", 2: "en", 3: "fr"}[level]
        times = {"start_ms": int(begin) * 1000 // RATE, "end_ms": int(end) * 1000 // RATE}
        text = f"sentence {level} {language}"
        finals.append(final(len(finals) + 1, text, language=language, translate_to=translate_to, **times))
    return finals


def test_a_wrong_first_utterance_is_replaced_and_a_real_change_stays(server: str, tmp_path: Path) -> None:
    talk = recording(tmp_path / "talk.wav")
    done = nova("transcribe", talk, "--server", server, "-f", "json", "-t", "es")
    assert (done.returncode, done.stderr) == (0, "")
    utterances = json.loads(done.stdout)["utterances"]
    assert [(one["utterance"], one["language"], one["start_ms"]) for one in utterances] == [
        (1, "en", 1_000),
        (2, "en", 3_000),
        (3, "fr", 9_000),
    ]
    assert [one["translations"]["es"] for one in utterances] == [f"{one['text']} in es" for one in utterances]


def test_a_chosen_language_is_not_reviewed(server: str, tmp_path: Path) -> None:
    done = nova("transcribe", recording(tmp_path / "talk.wav"), "--server", server, "-l", "nl")
    assert done.stdout == "sentence 1 nl\nsentence 2 en\nsentence 3 fr\n"
