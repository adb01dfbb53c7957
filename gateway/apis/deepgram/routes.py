"""The routes of `/v1/listen`, live over a WebSocket and recordings over HTTP, and of `/v2/listen`."""

import uuid
from datetime import UTC, datetime

from fastapi import APIRouter, WebSocket

from gateway.apis.deepgram.flux_codec import FluxCodec
from gateway.apis.deepgram.flux_parameters import FluxParameters
from gateway.apis.deepgram.live_codec import LiveCodec
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.deepgram.recordings import ListenRecordings, query_of
from gateway.apis.errors import InvalidRequestError
from gateway.connection.handshake import refuse, serve_websocket
from gateway.services import GatewayServices


def deepgram_router(services: GatewayServices) -> APIRouter:
    """`/v1/listen` and `/v2/listen`."""
    router = APIRouter()

    @router.websocket("/v1/listen")
    async def live(websocket: WebSocket) -> None:
        request_id, now = str(uuid.uuid4()), datetime.now(UTC)
        try:
            parameters = ListenParameters.parse_live(query_of(websocket.query_params))
        except InvalidRequestError as error:
            codec = LiveCodec(ListenParameters.parse({}), request_id, now)
            await refuse(websocket, codec, error, error.status)
            return
        await serve_websocket(websocket, services, LiveCodec(parameters, request_id, now))

    @router.websocket("/v2/listen")
    async def converse(websocket: WebSocket) -> None:
        request_id = str(uuid.uuid4())
        try:
            parameters = FluxParameters.parse(query_of(websocket.query_params))
        except InvalidRequestError as error:
            await refuse(websocket, FluxCodec(FluxParameters(), request_id), error, error.status)
            return
        await serve_websocket(websocket, services, FluxCodec(parameters, request_id))

    router.add_api_route("/v1/listen", ListenRecordings(services).answer, methods=["POST"])
    return router
