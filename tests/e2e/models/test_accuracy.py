"""The pipeline hears as well as the bare model, says nothing when nobody speaks, and translates as well as its engine.

Word error rate: share of the reference's words put in, left out or replaced, after `normalize`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from backend.local.system import System
from backend.messages.jobs import Transcript, encode_entry
from backend.messages.protocol import Final, Notice, Translation
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.log import read_log
from backend.text.edits import WordErrors
from stt_worker.settings import SttSettings
from tests.testkit.audio.clips import Clip, decode
from tests.testkit.models.bleu import bleu, sentence_pairs
from tests.testkit.session import speak, speak_all

AT_ONCE = 8
"""Sessions at the same time."""
POINTS = 0.5
"""What the pipeline may lose against the bare model: points of word error rate, or of BLEU."""


@pytest.mark.timeout(600)
async def test_the_pipeline_makes_no_more_errors_than_the_bare_model(
    system: System, whisper_base: Path, spoken: list[Clip], artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [clip for clip in spoken if clip.language == "en" and clip.kind == "utt"]
    sounds = [clip.pcm() for clip in clips]
    began = time.monotonic()
    conversations = await speak_all(system.urls[0], sounds, AT_ONCE, language="en", partials=False)
    pipeline_s = time.monotonic() - began
    began = time.monotonic()
    bare = await asyncio.to_thread(_transcribe, whisper_base, sounds)
    bare_s = time.monotonic() - began
    ours, theirs = WordErrors("en"), WordErrors("en")
    for clip, conversation, text in zip(clips, conversations, bare, strict=True):
        ours.add(clip.text, conversation.text())
        theirs.add(clip.text, text)
    audio_s = sum(map(len, sounds)) / 16_000
    report = {
        "clips": len(clips),
        "audio_s": round(audio_s, 1),
        "wer_pipeline": round(ours.percent, 2),
        "wer_faster_whisper": round(theirs.percent, 2),
        "pipeline_s": round(pipeline_s, 1),
        "faster_whisper_s": round(bare_s, 1),
    }
    (artifacts / "accuracy.json").write_text(json.dumps(report))
    with capsys.disabled():
        print(f"\naccuracy: {report}")
    assert ours.percent <= theirs.percent + POINTS


def _transcribe(model: Path, sounds: list[NDArray[np.int16]]) -> list[str]:
    """faster-whisper by itself: the same weights, beam and arithmetic, each file alone, two at a time."""
    whisper = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=1, num_workers=2)
    beam_size = SttSettings().beam_size

    def transcribe(sound: NDArray[np.int16]) -> str:
        segments, _ = whisper.transcribe(sound.astype(np.float32) / 32_768, language="en", beam_size=beam_size)
        return " ".join(segment.text for segment in segments)

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(transcribe, sounds))


@pytest.mark.timeout(300)
async def test_no_text_comes_of_noise_and_music(system: System, shared: Path) -> None:
    files = sorted((shared / "audio" / "noise").glob("*.flac"))
    assert len(files) >= 20
    conversations = await speak_all(system.urls[0], [decode(file) for file in files], 4, partials=False)
    said = {file.stem: heard.text() for file, heard in zip(files, conversations, strict=True) if heard.text()}
    assert said == {}


@pytest.mark.parametrize("sound", ["silence", "hum", "white noise", "clicks"])
async def test_no_text_comes_of_made_noise(system: System, sound: str) -> None:
    random = np.random.default_rng(7)
    seconds = np.arange(16_000 * 8) / 16_000
    waves = {
        "silence": np.zeros_like(seconds),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * seconds) + 0.1 * np.sin(2 * np.pi * 150 * seconds),
        "white noise": 0.1 * random.standard_normal(len(seconds)),
        "clicks": np.where(random.random(len(seconds)) < 0.0003, 0.9, 0.0),
    }
    heard = await speak(system.urls[0], (waves[sound] * 32_767).clip(-32_768, 32_767).astype(np.int16))
    assert heard.text() == ""


async def test_word_times_and_confidences_come_on_request(system: System, spoken: list[Clip]) -> None:
    clip = next(clip for clip in spoken if clip.language == "en" and clip.kind == "utt")
    heard = await speak(system.urls[0], clip.pcm(), language="en", words=True, partials=False)
    for final in heard.received(Final):
        if not final.text:
            continue
        assert final.words is not None
        assert "".join(word.word for word in final.words).strip() == final.text
        starts = [word.start_ms for word in final.words]
        assert starts == sorted(starts)
        assert all(final.start_ms <= word.start_ms <= word.end_ms <= final.end_ms for word in final.words)
        assert all(0 <= word.confidence <= 1 for word in final.words)
    assert heard.text()


async def test_the_language_is_detected(
    system: System, shared: Path, spoken: list[Clip], capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [clip for clip in spoken if clip.language != "en" and clip.kind == "utt"]
    heard = await speak_all(system.urls[0], [clip.pcm() for clip in clips], AT_ONCE, partials=False)
    wrong = {
        clip.id: sorted({final.language for final in conversation.received(Final)})
        for clip, conversation in zip(clips, heard, strict=True)
        if {final.language for final in conversation.received(Final)} != {clip.language}
    }
    with capsys.disabled():
        print(f"\nlanguage: {len(clips) - len(wrong)} of {len(clips)} clips right; wrong: {wrong}")
    assert len(wrong) <= 0.1 * len(clips)


@pytest.mark.timeout(300)
async def test_translations_through_the_worker_are_as_good_as_the_bare_model(
    system: System, shared: Path, opus_zh_en: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, references = sentence_pairs(shared / "text" / "tatoeba-zh-en.tsv")
    through = await _translated(system.redis_url, sources)
    bare = await asyncio.to_thread(_bare_translations, opus_zh_en, sources)
    ours, theirs = bleu(through, references), bleu(bare, references)
    with capsys.disabled():
        print(f"\nBLEU zh-en: {ours:.2f} through the worker, {theirs:.2f} bare, {len(sources)} lines")
    assert abs(ours - theirs) <= POINTS


async def _translated(redis_url: str, sources: Sequence[str]) -> list[str]:
    """Put transcripts on the lane as an STT worker does, and read the translations from the sessions' log."""
    async with connect(ServiceSettings(REDIS_URL=redis_url)) as redis:
        streams = RedisJobStreams(redis, ServiceSettings())
        shard = streams.shard("tatoeba")
        for number, text in enumerate(sources):
            transcript = Transcript(
                kind="final",
                session="tatoeba",
                utterance=number,
                correlation_id="t",
                sent_at=time.time(),
                text=text,
                language="zh",
                translate_to=("en",),
            )
            await redis.xadd(shard.transcripts("final"), encode_entry(transcript))
        translations: dict[int, str] = {}
        cursor = "0-0"
        async with asyncio.timeout(240):
            while len(translations) < len(sources):
                async for live in read_log(redis, shard, "tatoeba", cursor):
                    assert isinstance(live.event, Translation)
                    translations[live.event.utterance] = live.event.text
                    cursor = live.cursor or cursor
                await asyncio.sleep(0.2)
    return [translations[number] for number in range(len(sources))]


def _bare_translations(package: Path, sources: Sequence[str]) -> list[str]:
    """CTranslate2 and SentencePiece by themselves."""
    import ctranslate2
    import sentencepiece

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(package / "sentencepiece.model"))
    model = ctranslate2.Translator(str(package / "model"), device="cpu", compute_type="int8", intra_threads=2)
    results = model.translate_batch([pieces.encode(text, out_type=str) for text in sources], beam_size=4)
    return ["".join(result.hypotheses[0]).replace("▁", " ").strip() for result in results]


async def test_a_spoken_sentence_arrives_with_its_translation(system: System, shared: Path, spoken: list[Clip]) -> None:
    clip = next(clip for clip in spoken if clip.language == "zh" and clip.kind == "utt")
    heard = await speak(system.urls[0], clip.pcm(), speed=1.0, silence_s=1.0, translate_to=("en", "es"))
    assert heard.translation("en")
    assert heard.translation("en").isascii()
    assert {(notice.code, notice.language) for notice in heard.received(Notice)} == {("translation_unavailable", "es")}
    assert "nova models pull" in heard.received(Notice)[0].message
