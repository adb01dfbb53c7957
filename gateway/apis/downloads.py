"""Recordings at addresses that clients choose: fetched from the public internet only, to disk, with limits."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import httpx

from gateway.access.slots import FairSlots
from gateway.apis.errors import InvalidRequestError
from gateway.http.public_addresses import Address, is_allowed, parse_address, parse_networks
from gateway.settings import GatewaySettings

MAX_REDIRECTS = 5
MAX_PORT = 65_535
# Addresses of a host that are tried, such as one that this machine cannot reach (IPv6) and one that it can.
MAX_ADDRESSES = 4
# Downloads at a time. They cost a client nothing, unlike uploads.
MAX_DOWNLOADS = 16
# Of one caller at a time. Others wait for their turn.
MAX_CALLER_DOWNLOADS = 4
TIMEOUT = httpx.Timeout(30.0, connect=10.0)

Resolver = Callable[[str], Awaitable[Sequence[Address]]]


async def resolve_host(host: str) -> Sequence[Address]:
    """The addresses of a host. Raises OSError and UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [parse_address(str(address[0])) for *_, address in found]


_NO_ADDRESS = "the host of the URL has no public address"


class UnresolvedHostError(InvalidRequestError):
    """The name of a host cannot be resolved, perhaps only at the moment. The message is that for private addresses."""


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to allowed addresses only, also after a redirect.

    It connects to the addresses that were checked: a name that is resolved twice may have another address then.
    """

    def __init__(self, allows: Callable[[Address], bool], resolve: Resolver = resolve_host) -> None:
        self._allows, self._resolve = allows, resolve
        # A connection belongs to a name, and is not used for another one at the same address.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=_certificates(), limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises InvalidRequestError if the host has no allowed address, and httpx.HTTPError."""
        host = request.url.raw_host.decode("ascii").strip("[]")
        if request.url.scheme not in ("http", "https") or not host or (request.url.port or 0) > MAX_PORT:
            raise _failed("the URL must begin with http:// or https:// and have a valid host and port")
        failure: httpx.TransportError | None = None
        for address in (await self._allowed(host))[:MAX_ADDRESSES]:
            try:
                return await self._inner.handle_async_request(_at_address(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        # The same message as for an unknown host: a client must not learn which private names exist.
        raise failure or _failed(_NO_ADDRESS)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _allowed(self, host: str) -> Sequence[Address]:
        try:
            found = await self._resolve(host)
        except OSError:
            raise UnresolvedHostError(_NO_ADDRESS, code="remote_content", param="url") from None
        except ValueError:
            return ()
        return [address for address in dict.fromkeys(found) if self._allows(address)]


class Downloads:
    """Fetches recordings from addresses that clients choose."""

    def __init__(self, settings: GatewaySettings, resolve: Resolver = resolve_host) -> None:
        self._settings, self._resolve = settings, resolve
        self._allows = partial(is_allowed, networks=parse_networks(settings.url_networks))
        self._slots = FairSlots(MAX_DOWNLOADS, each=MAX_CALLER_DOWNLOADS)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for an address that a caller chose. Raises InvalidRequestError if such addresses are disabled."""
        if not self._settings.url_enabled:
            raise InvalidRequestError("this gateway does not connect to other servers", code="invalid_parameter")
        async with self.connected() as client:
            yield client

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client that connects to allowed addresses only."""
        transport = await asyncio.to_thread(CheckedTransport, self._allows, self._resolve)
        # Compressed content could be far larger than what was received.
        headers = {"User-Agent": "nova-voice", "Accept-Encoding": "identity"}
        async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT, headers=headers, trust_env=False) as client:
            yield client

    @asynccontextmanager
    async def _answer(self, client: httpx.AsyncClient, url: str) -> AsyncIterator[httpx.Response]:
        """The answer after all redirects, whose body has not been read. Raises httpx.HTTPError."""
        request = client.build_request("GET", url)
        for _ in range(MAX_REDIRECTS + 1):
            response = await client.send(request, stream=True)
            try:
                if response.next_request is None:
                    yield response
                    return
                # httpx itself would read and decompress the whole body of a redirect, without a limit.
                request = response.next_request
            finally:
                await response.aclose()
        raise httpx.TooManyRedirects("too many redirects", request=request)

    @asynccontextmanager
    async def received(
        self, url: str, caller: str, guard: Callable[[Awaitable[None]], Awaitable[None]]
    ) -> AsyncIterator[Path]:
        """The recording at an address, on disk until the end of the block.

        `guard` awaits the download, and may end it early. Raises InvalidRequestError.
        """
        with NamedTemporaryFile(prefix="nova-download-") as file:
            await guard(self._download(url, caller, file))
            yield Path(file.name)

    async def _download(self, url: str, caller: str, file: IO[bytes]) -> None:
        limit_s = self._settings.url_timeout_s
        try:
            async with asyncio.timeout(limit_s), self._slots.slot(caller), self.client() as client:
                await self._write(client, url, file)
        except TimeoutError:
            raise _failed(f"the recording was not received within {limit_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:
            raise _failed(f"the recording could not be fetched: {type(error).__name__}") from None

    async def _write(self, client: httpx.AsyncClient, url: str, file: IO[bytes]) -> None:
        limit, received = self._settings.max_upload_bytes, 0
        async with self._answer(client, url) as response:
            if not response.is_success:
                raise _failed(f"the server of the recording answered {response.status_code}")
            async for block in response.aiter_raw():
                received += len(block)
                if received > limit:
                    raise InvalidRequestError(
                        f"the recording exceeds {limit >> 20} MiB", code="file_too_large", status=413
                    )
                file.write(block)
        file.flush()


def _at_address(request: httpx.Request, host: str, address: Address) -> httpx.Request:
    """The request to this address, with the name in its header and for the certificate."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


def _failed(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, code="remote_content", param="url")
