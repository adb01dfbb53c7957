"""Download one file over HTTP and verify it. For sources other than the hub."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from backend.errors import SourceUnavailableError
from backend.models.hub import describe_error
from backend.models.specs import FileSpec, ProgressCallback
from backend.models.verification import verify_download

_CONNECT_TIMEOUT_S = 3.0

# Some CDNs refuse the default User-Agent of HTTP libraries. With a compressed response, byte offsets would not be those
# of the file.
_HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; nova-voice)", "Accept-Encoding": "identity"}


def download(url: str, file: FileSpec, directory: Path, progress: ProgressCallback, timeout_s: float) -> Path:
    """Download `file` into `directory` and return its path. A broken connection is resumed while it makes progress.

    Raises SourceUnavailableError. A file with a wrong digest is deleted.
    """
    target = directory / file.name
    timeout = httpx.Timeout(timeout_s, connect=_CONNECT_TIMEOUT_S)
    checks: list[Callable[..., Any]] = [partial(_refuse_downgrade, url)]
    client = httpx.Client(timeout=timeout, follow_redirects=True, headers=_HEADERS, event_hooks={"request": checks})
    with client, target.open("wb") as out:
        while True:
            before = out.tell()
            try:
                _receive(client, url, file, out, progress)
                break
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if out.tell() <= before:
                    raise SourceUnavailableError(describe_error(error)) from error
    verify_download(target, file)
    return target


def _refuse_downgrade(url: str, request: httpx.Request) -> None:
    """Runs before each request. A redirect from HTTPS to HTTP could lead anywhere, also to services of this network."""
    if url.startswith("https:") and request.url.scheme != "https":
        raise httpx.UnsupportedProtocol(f"refused a redirect from HTTPS to {request.url.scheme}", request=request)


def _receive(client: httpx.Client, url: str, file: FileSpec, out: BinaryIO, progress: ProgressCallback) -> None:
    headers = {"Range": f"bytes={out.tell()}-"} if out.tell() else {}
    with client.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            # The server ignores Range and sends the file from its start.
            out.seek(0)
            out.truncate()
        progress(file.name, out.tell(), file.size)
        for chunk in response.iter_raw():
            out.write(chunk)
            if out.tell() > file.size:
                raise SourceUnavailableError(f"{file.name} has more than {file.size} bytes")
            progress(file.name, out.tell(), file.size)
