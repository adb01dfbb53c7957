from typing import Any

import httpx
from fastapi import FastAPI

from backend.messages.served_languages import ServedLanguages, ServedPairs
from gateway.http.languages import languages_router
from tests.unit.gateway.connection.memory_gateway import MemoryGateway


async def listed(served: ServedLanguages) -> Any:
    gateway, app = MemoryGateway(), FastAPI()
    gateway.services.admission.served = served
    app.include_router(languages_router(gateway.services))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        return (await client.get("/v1/languages")).json()


async def test_the_languages_of_the_running_models_are_listed() -> None:
    pairs = (ServedPairs.with_scripts(["zho_Hans"], ["eng_Latn"]),)
    assert await listed(ServedLanguages(frozenset({"de", "en"}), pairs)) == {
        "speech": {"de": "German", "en": "English"},
        "translation": [{"sources": ["zho_Hans"], "targets": ["eng_Latn"]}],
        "pairs": [{"from": ["chi", "cmn", "zh"], "to": ["en"]}],
        "speakers": None,
        "only_speaker": None,
        "denoise": None,
    }


async def test_what_no_worker_announces_is_unknown() -> None:
    body = await listed(ServedLanguages())
    assert body == dict.fromkeys(("speech", "translation", "pairs", "speakers", "only_speaker", "denoise"))


async def test_whether_the_models_distinguish_speakers_is_listed() -> None:
    body = await listed(ServedLanguages(voices=True, targets=False))
    assert (body["speakers"], body["only_speaker"]) == (True, False)


async def test_whether_a_model_reduces_noise_is_listed() -> None:
    assert (await listed(ServedLanguages(denoise=True)))["denoise"] is True


async def test_a_script_that_workers_convert_is_a_target_of_its_own() -> None:
    (pair,) = (await listed(ServedLanguages(None, (ServedPairs.with_scripts(["eng_Latn"], ["zho_Hans"]),))))["pairs"]
    assert {"zh", "zh-hant", "yue"} & set(pair["to"]) == {"zh", "zh-hant"}
