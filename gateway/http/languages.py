"""The route that lists the languages and abilities of the running models, for clients that offer a choice."""

from collections.abc import Collection
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from backend.messages.languages import english_name, protocol_codes
from backend.messages.served_languages import ServedPairs
from gateway.services import GatewayServices


def languages_router(services: GatewayServices) -> APIRouter:
    """`GET /v1/languages` is public, like the page. It reads what the gateway knows, and does not ask Redis."""

    async def languages() -> JSONResponse:
        """The languages by code and English name, and what sessions can have; null while no worker announces any."""
        served = services.admission.served
        body: dict[str, Any] = {
            "speech": None if served.speech is None else _named(served.speech),
            "translation": None if served.pairs is None else [pair.announcement() for pair in served.pairs],
            # The same pairs in the codes of the protocol, so that a client needs no table of FLORES-200 codes.
            "pairs": None if served.pairs is None else [_in_protocol_codes(pair) for pair in served.pairs],
            # Named after the options of `start` that need them.
            "speakers": served.voices,
            "only_speaker": served.targets,
            "denoise": served.denoise,
        }
        return JSONResponse(body)

    router = APIRouter()
    router.add_api_route("/v1/languages", languages)
    return router


def _in_protocol_codes(pair: ServedPairs) -> dict[str, list[str]]:
    return {"from": protocol_codes(pair.sources), "to": protocol_codes(pair.targets)}


def _named(codes: Collection[str]) -> dict[str, str]:
    return {code: english_name(code) for code in sorted(codes)}
