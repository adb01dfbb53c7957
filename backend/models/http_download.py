"""Download one file over HTTP, with resume and verification. For sources other than the hub."""

from __future__ import annotations

from pathlib import Path

import httpx
import structlog

from backend.errors import SourceUnavailableError
from backend.models.hub import describe_error
from backend.models.specs import FileSpec, ProgressCallback
from backend.models.verification import digest_of

_CONNECT_TIMEOUT_S = 3.0

# Some CDNs refuse the default User-Agent of HTTP libraries.
_USER_AGENT = "Mozilla/5.0 (compatible; nova-voice)"

log = structlog.get_logger()


def download(url: str, file: FileSpec, directory: Path, progress: ProgressCallback, timeout_s: float) -> Path:
    """Download `file` into `directory`, resuming what an earlier attempt left in `NAME.part`, and return its path.

    Raises SourceUnavailableError. A file with a wrong digest is deleted.
    """
    target = directory / file.name
    if target.is_file() and digest_of(target) == file.sha256:
        return target
    part = target.with_name(f"{target.name}.part")
    resumed = _size(part) > 0
    timeout = httpx.Timeout(timeout_s, connect=_CONNECT_TIMEOUT_S)
    with httpx.Client(timeout=timeout, follow_redirects=True, headers={"User-Agent": _USER_AGENT}) as client:
        _receive_all(client, url, file, part, progress)
        if resumed and digest_of(part) != file.sha256:  # the part was of another file
            part.unlink()
            _receive_all(client, url, file, part, progress)
    if digest_of(part) != file.sha256:
        part.unlink()
        raise SourceUnavailableError(f"{file.name} does not have the sha256 of the catalogue")
    return part.replace(target)


def _receive_all(client: httpx.Client, url: str, file: FileSpec, part: Path, progress: ProgressCallback) -> None:
    while True:
        before = _size(part)
        try:
            return _receive(client, url, file, part, progress)
        except httpx.TransportError as error:
            # Reconnect as long as each connection makes progress.
            if _size(part) == before:
                raise SourceUnavailableError(describe_error(error)) from error
            log.info("download_interrupted", file=file.name, bytes=_size(part), reason=describe_error(error))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceUnavailableError(describe_error(error)) from error


def _receive(client: httpx.Client, url: str, file: FileSpec, part: Path, progress: ProgressCallback) -> None:
    received = _size(part)
    # With a compressed response, byte offsets would not be those of the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={received}-"} if received else {})
    with client.stream("GET", url, headers=headers) as response:
        if received and response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the part is complete, or the digest reveals that it is something else
        if response.is_error:
            raise SourceUnavailableError(f"status {response.status_code} for {url}")
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            received = 0
        with part.open("ab" if received else "wb") as out:
            progress(file.name, received, file.size)
            for chunk in response.iter_raw():
                received += out.write(chunk)
                if received > file.size:
                    raise SourceUnavailableError(f"{file.name} has more than {file.size} bytes")
                progress(file.name, received, file.size)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
