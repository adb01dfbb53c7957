"""The commands to list, show and drop dead letters, on a real Redis."""

import json
import wave
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from backend.messages.protocol import Start
from backend.messages.session_record import SessionRecord
from backend.service.settings import ServiceSettings
from backend.streams.dead_letters import DeadLetterId, DeadLetters
from backend.streams.job_streams import TRANSCRIPTS
from backend.streams.names import Shard
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Lease
from tests.integration.conftest import Nova
from tests.testkit.streams.dead_letters import (
    ONE_SECOND,
    POISON,
    all_dead_letters,
    dead_lettered,
    entries,
    only_dead_letter,
)
from tests.testkit.streams.jobs import job, transcript
from tests.testkit.system.command import nova


@given(st.sampled_from(["audio", "transcript"]), st.integers(0, 1023), st.integers(0, 2**63), st.integers(0, 2**63))
def test_an_id_is_parsed_from_its_text(lane: Any, shard: int, milliseconds: int, count: int) -> None:
    place = DeadLetterId(lane, Shard(shard), f"{milliseconds}-{count}")
    assert DeadLetterId.parse(str(place)) == place


async def test_an_empty_list_is_reported(redis: Redis, run: Nova) -> None:
    result = await run("list")
    assert (result.exit_code, result.stdout) == (0, "No dead letters.\n")
    assert json.loads((await run("list", "--json")).stdout) == []


async def test_the_list_shows_content_and_failure_with_the_newest_first(
    streams: RedisJobStreams, lease: Lease, run: Nova
) -> None:
    await lease.submit_audio(job(1), ONE_SECOND, early=False)
    await dead_lettered(streams)
    await lease.resubmit_transcript(transcript(1))
    await dead_lettered(streams, job_stream=TRANSCRIPTS)
    second, first = json.loads((await run("list", "--json")).stdout)
    assert first["id"].startswith("a0-")
    assert {**first, "id": "", "when": ""} == {
        "id": "",
        "stream": "audio",
        "lane": "audio",
        "session": "s",
        "utterance": 1,
        "seconds": 1.0,
        "characters": None,
        "reason": "poison",
        "error": POISON,
        "attempts": "1",
        "worker": "w",
        "when": "",
    }
    assert second["id"].startswith("t0-")
    assert (second["stream"], second["characters"], second["seconds"]) == ("transcript", 5, None)
    heading, newest, oldest = (await run("list")).stdout.splitlines()
    assert heading.split() == ["id", "stream", "session", "utterance", "size", "reason", "attempts", "worker", "when"]
    assert newest.split()[:6] == [second["id"], "transcript", "s", "1", "5", "chars"]
    assert oldest.split()[:6] == [first["id"], "audio", "s", "1", "1.0", "s"]


async def test_the_list_is_filtered_and_reports_omitted_rows(streams: RedisJobStreams, lease: Lease, run: Nova) -> None:
    for number in (1, 2, 3):
        await lease.submit_audio(job(number), ONE_SECOND, early=False)
    await streams.redis.xadd(streams.shard("s").audio("final"), {"h": b"{}", "p": ONE_SECOND})
    await dead_lettered(streams, 4)

    async def utterances(*options: str) -> list[int]:
        return [letter["utterance"] for letter in json.loads((await run("list", "--json", *options)).stdout)]

    assert await utterances("--session", "s") == [3, 2, 1]
    assert await utterances("--reason", "undecodable_entry") == [None]
    assert await utterances("--stream", "transcript") == []
    assert await utterances("--session", "s", "--limit", "2") == [3, 2]
    assert "2 older ones are not shown" in (await run("list", "--limit", "2")).stderr


async def test_dead_letters_of_all_shards_and_pages_are_found(redis: Redis, run: Nova) -> None:
    streams = RedisJobStreams(redis, ServiceSettings(NOVA_SHARDS=3))
    sessions = RedisSessions(redis, ServiceSettings(NOVA_SHARDS=3), "gateway")
    for number in range(30):
        lease = await sessions.open(f"s{number}", "secret", SessionRecord(Start(), "c"))
        await lease.submit_audio(job(1, session=f"s{number}"), ONE_SECOND, early=False)
    await dead_lettered(streams, 30)
    found = json.loads((await run("list", "--json", NOVA_SHARDS="3")).stdout)
    assert {letter["session"] for letter in found} == {f"s{number}" for number in range(30)}
    assert {letter["id"].partition("-")[0] for letter in found} == {"a0", "a1", "a2"}
    elsewhere = next(letter["id"] for letter in found if letter["id"].startswith("a2"))
    assert "NOVA_SHARDS" in (await run("show", elsewhere)).stderr
    assert (await run("show", elsewhere, NOVA_SHARDS="3")).exit_code == 0
    assert (await run("replay", "--all", NOVA_SHARDS="3")).stdout == "30 dead letters replayed.\n"
    assert sum([await redis.xlen(shard.audio("final")) for shard in streams.shards]) == 30


async def test_show_prints_all_fields_and_writes_the_audio(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters, run: Nova, tmp_path: Path
) -> None:
    await lease.submit_audio(job(7, prompt="né \x1b]0;owned\x07", language="fr"), ONE_SECOND, early=False)
    await dead_lettered(streams)
    place = (await only_dead_letter(dead)).id
    file = tmp_path / "letter.wav"
    shown = (await run("show", str(place), "--wav", str(file))).stdout
    told = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert told["id"] == str(place)
    assert (told["reason"], told["attempts"], told["worker"]) == ("poison", "1", "w")
    assert (told["session"], told["utterance"], told["language"]) == ("s", "7", "fr")
    assert told["prompt"] == r"né \x1b]0;owned\x07"
    assert "\x1b" not in shown
    with wave.open(str(file)) as audio:
        assert audio.getparams()[:4] == (1, 2, 16_000, 16_000)
        assert audio.readframes(16_000) == ONE_SECOND


async def test_wrong_arguments_are_rejected_with_a_reason(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters, run: Nova
) -> None:
    await lease.resubmit_transcript(transcript(1))
    await dead_lettered(streams, job_stream=TRANSCRIPTS)
    place = str((await only_dead_letter(dead)).id)
    for arguments, complaint in (
        (("show", place, "--wav", "never.wav"), "has no audio"),
        (("show", "a0-1-1"), "no such dead letter"),
        (("show", "1-1"), "is not the id of a dead letter"),
        (("replay", "a0-1-1"), "no such dead letter"),
        (("replay",), "or --all"),
        (("drop", place, "--all"), "or --all"),
        (("drop", place, "--session", "s"), "require --all"),
    ):
        result = await run(*arguments)
        assert result.exit_code > 0
        assert complaint in result.stderr
    assert len(await all_dead_letters(dead)) == 1


async def test_an_unreadable_entry_is_shown_raw_and_replayed_only_by_force(
    streams: RedisJobStreams, dead: DeadLetters, run: Nova, tmp_path: Path
) -> None:
    await streams.redis.xadd(streams.shard("s").audio("final"), {"h": b"\xffnot json", "p": b"\1\0\2", "new": b"x"})
    await dead_lettered(streams)
    place = str((await only_dead_letter(dead)).id)
    assert place in (await run("list")).stdout
    shown = (await run("show", place, "--wav", str(tmp_path / "odd.wav"))).stdout
    assert "audio of 3 bytes is not 16-bit samples" in shown
    assert r"\xffnot json" in shown
    with wave.open(str(tmp_path / "odd.wav")) as audio:
        assert audio.readframes(2) == b"\1\0"
    refused = await run("replay", "--all")
    assert refused.exit_code == 1
    assert f"{place}: it cannot be decoded" in refused.stderr
    assert (await run("replay", place, "--force")).exit_code == 0
    ((_, fields),) = await entries(streams, streams.shard("s").audio("final"))
    assert fields == {b"h": b"\xffnot json", b"p": b"\1\0\2", b"new": b"x"}
    await dead_lettered(streams)
    assert str((await only_dead_letter(dead)).id) != place


async def test_drop_asks_for_confirmation_and_deletes(
    streams: RedisJobStreams, lease: Lease, dead: DeadLetters, run: Nova
) -> None:
    for number in (1, 2, 3):
        await lease.submit_audio(job(number), ONE_SECOND, early=False)
    await dead_lettered(streams, 3)
    kept = await run("drop", "--all", answer="n\n")
    assert kept.exit_code == 1
    assert "Delete 3 dead letters permanently?" in kept.stdout
    first, second, third = (str(letter.id) for letter in await all_dead_letters(dead))
    assert (await run("drop", first, third, "--yes")).stdout == "2 dead letters dropped.\n"
    assert [str(letter.id) for letter in await all_dead_letters(dead)] == [second]
    assert "1 dead letter dropped." in (await run("drop", "--all", "--session", "s", answer="y\n")).stdout
    assert (await run("drop", "--all")).stdout == "0 dead letters dropped.\n"


@pytest.mark.parametrize("url", ["redis://:hunter2@127.0.0.1:1", "nonsense://:hunter2@x"])
def test_an_unavailable_redis_is_reported_in_one_line(url: str) -> None:
    done = nova("dead", "list", "--redis-url", url)
    assert done.returncode == 2
    (complaint,) = done.stderr.splitlines()
    assert "redis" in complaint.lower()
    assert "hunter2" not in complaint
