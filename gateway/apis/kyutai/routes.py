"""`/api/asr-streaming` of moshi-server, raw 24 kHz audio at the root, and `/info`."""

from importlib.metadata import version

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from gateway.access.auth import Caller, with_key
from gateway.apis.errors import InvalidRequestError
from gateway.apis.kyutai.codec import KyutaiCodec
from gateway.apis.kyutai.messages import SAMPLE_RATE
from gateway.apis.kyutai.parameters import PACKED, RAW, KyutaiParameters
from gateway.connection.handshake import refuse, serve_websocket
from gateway.services import GatewayServices

KEY_HEADER, KEY_PARAMETER = "kyutai-api-key", "auth_id"
ENDPOINTS = {
    "/api/asr-streaming": "WebSocket with the messages of moshi-server",
    "/": "WebSocket with raw audio",
    "/health": "whether the process lives",
    "/health/ready": "whether sessions are accepted",
    "/info": "this description",
}


def kyutai_router(services: GatewayServices) -> APIRouter:
    """The two WebSockets, and the description that clients of the second one ask for."""
    router = APIRouter()

    @router.websocket("/api/asr-streaming")
    async def packed(websocket: WebSocket) -> None:
        await _serve(services, websocket, PACKED)

    @router.websocket("/")
    async def raw(websocket: WebSocket) -> None:
        await _serve(services, websocket, RAW)

    router.add_api_route("/info", info)
    return router


async def info() -> JSONResponse:
    """The service and its addresses. Public, like `/health`."""
    audio = {"sample_rate": SAMPLE_RATE, "channels": 1, "encoding": "pcm_s16le"}
    return JSONResponse(
        {"service": "Nova Voice", "version": version("nova-voice"), "audio": audio, "endpoints": ENDPOINTS}
    )


async def _serve(services: GatewayServices, websocket: WebSocket, default_format: str) -> None:
    try:
        parameters = KyutaiParameters.parse(websocket.query_params, default_format)
    except InvalidRequestError as error:
        await refuse(websocket, KyutaiCodec(KyutaiParameters()), error, error.status)
        return

    async def authenticate() -> Caller:
        key = key_of(websocket, in_query=services.settings.key_in_query)
        return await services.auth.authenticate(with_key(websocket, key) if key else websocket, "stream")

    await serve_websocket(websocket, services, KyutaiCodec(parameters), authenticate=authenticate)


def key_of(connection: HTTPConnection, *, in_query: bool) -> str:
    """The key in moshi-server's header or parameter; "" if there is none. Others are found as on every route."""
    fallback = connection.query_params.get(KEY_PARAMETER, "") if in_query else ""
    return connection.headers.get(KEY_HEADER, "") or fallback
