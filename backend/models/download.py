"""One file over HTTP: resumed where it broke off, verified before it gets its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import structlog

from backend.models.catalogue import File
from backend.models.record import digest_of

Progress = Callable[[str, int, int], None]
"""Told a file's name, the bytes that are here, and the bytes that there will be: at the start, often, at the end."""

PATIENCE_S = 8.0
"""Seconds without a byte after which a source is passed over."""

_CONNECT_S = 3.0

_AGENT = "Mozilla/5.0 (compatible; nova-voice)"

log = structlog.get_logger()


class UnavailableError(Exception):
    """This source does not serve what is asked of it; the message says why. The next one may."""


def fetch(url: str, file: File, into: Path, progress: Progress, patience_s: float = PATIENCE_S) -> None:
    """Bring `file` into the directory, from what an earlier attempt left behind if there is something.

    A connection that breaks is taken up again for as long as each attempt brings something. The bytes stand in
    `NAME.part` until their digest is right. Raises UnavailableError; a wrong digest leaves nothing behind.
    """
    target = into / file.name
    if target.is_file() and digest_of(target) == file.sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    resumed = _size(part) > 0
    timeout = httpx.Timeout(patience_s, connect=_CONNECT_S)
    with httpx.Client(timeout=timeout, follow_redirects=True, headers={"User-Agent": _AGENT}) as client:
        _receive(client, url, file, part, progress)
        if resumed and digest_of(part) != file.sha256:
            part.unlink()
            _receive(client, url, file, part, progress)
    if digest_of(part) != file.sha256:
        part.unlink()
        raise UnavailableError(f"{file.name} is not the file that the catalogue knows (wrong sha256)")
    part.replace(target)


def _receive(client: httpx.Client, url: str, file: File, part: Path, progress: Progress) -> None:
    while True:
        before = _size(part)
        try:
            return _attempt(client, url, file, part, progress)
        except httpx.TransportError as error:
            if _size(part) == before:
                raise UnavailableError(_reason(error)) from error
            log.info("download_interrupted", file=file.name, bytes=_size(part), reason=_reason(error))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnavailableError(_reason(error)) from error


def _attempt(client: httpx.Client, url: str, file: File, part: Path, progress: Progress) -> None:
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as response:
        if have and response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # it is all here: the digest will tell
        if response.is_error:
            raise UnavailableError(f"answered {response.status_code} for {file.name}")
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            have = 0
        with part.open("ab" if have else "wb") as out:
            progress(file.name, have, file.size)
            for chunk in response.iter_raw():
                have += out.write(chunk)
                if have > file.size:
                    raise UnavailableError(f"sends more for {file.name} than the catalogue knows")
                progress(file.name, have, file.size)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.TimeoutException):
        return "stopped answering"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
