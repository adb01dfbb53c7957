"""The TCP port of AudioSocket."""

import asyncio
import secrets
from contextlib import AbstractAsyncContextManager
from urllib.parse import parse_qsl

from backend.errors import ProtocolError, SetupError
from backend.messages.protocol import AudioFormat
from gateway.apis.audiosocket.codec import EVENT, AudioSocketCodec, farewell, to_frame
from gateway.apis.audiosocket.frames import AudioSocketFrames
from gateway.calls.call_socket import CallSocket
from gateway.calls.parameters import CallParameters
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from gateway.tcp.server import TcpPort, listening, serve_stream
from gateway.tcp.stream_socket import StreamSocket


def audiosocket_port(settings: GatewaySettings) -> TcpPort:
    """Where AudioSocket is served."""
    key = settings.audiosocket_key.get_secret_value()
    return TcpPort("AUDIOSOCKET", settings.audiosocket_host, settings.audiosocket_port, key)


def check_audiosocket(settings: GatewaySettings) -> None:
    """Raise SetupError if the port would be open without a key, or its calls without a receiver or valid options."""
    audiosocket_port(settings).check(settings.auth)
    if not settings.audiosocket_port:
        return
    try:
        parameters = _parameters(settings)
        parameters.start(AudioFormat(sample_rate=8_000))
    except ProtocolError as error:
        raise SetupError(f"GATEWAY_AUDIOSOCKET_OPTIONS: {error.message}") from None
    if parameters.webhook and not settings.callback_enabled:
        raise SetupError("GATEWAY_AUDIOSOCKET_OPTIONS: webhook requires GATEWAY_CALLBACK_ENABLED")
    if not (parameters.webhook or settings.call_webhook or parameters.has_readers):
        missing = "set GATEWAY_CALL_WEBHOOK, too, or a room in GATEWAY_AUDIOSOCKET_OPTIONS"
        raise SetupError(f"GATEWAY_AUDIOSOCKET_PORT: {missing}, or the text of calls would be lost")


def audiosocket_listening(services: GatewayServices) -> AbstractAsyncContextManager[None]:
    """Accept calls while the context is active."""
    port = audiosocket_port(services.settings)
    parameters = _parameters(services.settings)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        codec = AudioSocketCodec(f"call_{secrets.token_hex(12)}", parameters)
        frames = AudioSocketFrames(services.settings)
        stream = StreamSocket(reader, writer, frames.read, farewell, _event_frame)
        call = CallSocket(stream, codec, services.webhooks)
        async with asyncio.TaskGroup() as tasks:
            filling = tasks.create_task(frames.fill_pauses(stream))
            try:
                await serve_stream(services, stream, call, codec, port.key)
            finally:
                filling.cancel()
                await call.finish("interrupted")

    return listening(port, serve)


def _parameters(settings: GatewaySettings) -> CallParameters:
    return CallParameters.parse(dict(parse_qsl(settings.audiosocket_options)))


def _event_frame(event: str) -> bytes:
    return to_frame(EVENT, event.encode())
