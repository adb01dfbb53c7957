"""Sends captions to YouTube and Zoom over HTTP."""

import asyncio
import re
from collections.abc import Sequence

import httpx

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.sinks.captions import LiveCaption
from backend.cli.sinks.errors import SinkError
from backend.cli.sinks.pace import shown_s
from backend.cli.sinks.vendors.youtube import YouTubeRequests, youtube_body
from backend.cli.sinks.vendors.zoom import ZoomUrls, zoom_body
from backend.service.http_clients import async_http_client

TIMEOUT_S = 5.0
# What the answers mean to the user. Both services ask clients to repeat all requests that fail.
_REASONS = {
    400: "the stream or the meeting has not started",
    403: "the URL is not accepted; it may have expired",
    404: "the URL is unknown",
}
# Zoom's answer is a number, that of YouTube a time.
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_MAX_ANSWER_BYTES = 4_096


class YouTubeSink:
    """Captions of a live stream. The captions that wait are sent together, because each has its time."""

    name = "YouTube"
    limits = CueLimits()
    max_batch = 20
    # YouTube documents no limit.
    _PAUSE_S = 1.0

    def __init__(self, url: str) -> None:
        self._requests = YouTubeRequests(url)
        self._client = async_http_client(url, timeout=TIMEOUT_S)
        self._may_be_accepted = False

    async def connect(self) -> None:
        """No connection is kept."""

    async def send(self, captions: Sequence[LiveCaption]) -> None:
        """Send captions. Raises SinkError."""
        try:
            await _request(self._client, "POST", self._requests.url(), youtube_body(captions))
        except SinkError as error:
            self._may_be_accepted |= error.is_uncertain
            raise
        self._advance()

    def abandon(self) -> None:
        """The captions of the last request are not sent again. If YouTube may have them, their number is used."""
        if self._may_be_accepted:
            self._advance()

    def pause_s(self, captions: Sequence[LiveCaption], waiting: int) -> float:
        """Seconds until the next captions."""
        return self._PAUSE_S

    async def close(self) -> str:
        """Disconnect. Returns a hint for the next run."""
        await self._client.aclose()
        return f"to continue in the same stream, append &seq={self._requests.number} to the URL"

    def _advance(self) -> None:
        self._requests.advance()
        self._may_be_accepted = False


class ZoomSink:
    """Captions of a meeting, one after the other."""

    name = "Zoom"
    limits = CueLimits()
    max_batch = 1

    def __init__(self, url: str) -> None:
        self._urls = ZoomUrls(url)
        self._client = async_http_client(url, timeout=TIMEOUT_S)
        self._number: int | None = None
        self._may_be_accepted = False

    async def connect(self) -> None:
        """Continue after the last caption of the meeting. Raises SinkError."""
        if self._number is None:
            self._number = await self._last_number() + 1

    async def send(self, captions: Sequence[LiveCaption]) -> None:
        """Send a caption. Raises SinkError."""
        assert self._number is not None
        if not await self._has_arrived(self._number):
            (caption,) = captions
            url = self._urls.caption(self._number, caption.language)
            try:
                await _request(self._client, "POST", url, zoom_body(caption))
            except SinkError as error:
                self._may_be_accepted = error.is_uncertain
                # The number may be that of another captioner meanwhile.
                self._number = self._number if error.is_uncertain else None
                raise
        self._number += 1

    def abandon(self) -> None:
        """The caption of the last request is not sent again. Zoom says whether its number is used."""
        self._number, self._may_be_accepted = None, False

    def pause_s(self, captions: Sequence[LiveCaption], waiting: int) -> float:
        """Seconds until the next caption."""
        return shown_s(captions[-1], waiting)

    async def close(self) -> str:
        """Disconnect."""
        await self._client.aclose()
        return ""

    async def _has_arrived(self, number: int) -> bool:
        """Whether Zoom has accepted the request that it has not answered."""
        arrived = self._may_be_accepted and await self._last_number() >= number
        self._may_be_accepted = False
        return arrived

    async def _last_number(self) -> int:
        answer = (await _request(self._client, "GET", self._urls.last_number())).strip()
        if not _NUMBER.fullmatch(answer):
            raise SinkError("it does not say the number of its last caption")
        return max(int(answer), 0)


async def _request(client: httpx.AsyncClient, method: str, url: str, body: str = "") -> str:
    """The answer to a request. Raises SinkError. Redirects are errors: the captions are for this address only."""
    headers = {"Content-Type": "text/plain; charset=utf-8"} if body else {}
    content = body.encode() or None
    try:
        async with asyncio.timeout(TIMEOUT_S), client.stream(method, url, content=content, headers=headers) as response:
            if not response.is_success:
                raise SinkError(_reason(response.status_code))
            return await _answer(response)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError):
        raise SinkError("it cannot be reached") from None
    except (TimeoutError, httpx.TimeoutException):
        raise SinkError(f"it has not answered within {TIMEOUT_S:g} s", is_uncertain=True) from None
    except httpx.HTTPError:
        raise SinkError("the connection was lost", is_uncertain=True) from None


async def _answer(response: httpx.Response) -> str:
    received = b""
    async for piece in response.aiter_bytes():
        received += piece
        if len(received) > _MAX_ANSWER_BYTES:
            break
    return received.decode(errors="replace")


def _reason(status: int) -> str:
    known = _REASONS.get(status)
    return f"{known} (HTTP {status})" if known else f"HTTP {status}"
