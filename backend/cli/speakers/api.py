"""Requests to `/v1/speakers`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from backend.errors import NovaError
from backend.local.certificate_problems import certificate_problem
from backend.local.discovery import NoServerError, UntrustedServerError, find_server, http_url
from backend.service.http_clients import http_client

PATH = "/v1/speakers"
# Enrolment takes as long as the recognition of the recording.
TIMEOUT_S, ENROL_TIMEOUT_S = 10.0, 600.0


class SpeakersApi:
    """The enrolled voices of the user's key."""

    def __init__(self, http: httpx.Client, stream: str) -> None:
        self._http, self._stream = http, stream

    def all(self) -> list[dict[str, Any]]:
        """All voices, without the voices themselves."""
        found: list[dict[str, Any]] = self._request("GET", PATH).json()
        return found

    def export(self, name: str) -> dict[str, Any]:
        """Everything that is stored about one voice."""
        found: dict[str, Any] = self._request("GET", _path(name)).json()
        return found

    def remove(self, name: str) -> None:
        """Delete one voice."""
        self._request("DELETE", _path(name))

    def enrol(self, wav: bytes, **parameters: str | int) -> dict[str, Any]:
        """Enrol a voice from a recording. Returns what is stored, and how each sample was judged."""
        answer = self._request("POST", PATH, content=wav, params=parameters, timeout=ENROL_TIMEOUT_S)
        found: dict[str, Any] = answer.json()
        return found

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, http_url(self._stream, path), **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if problem := certificate_problem(self._stream, error):
                raise UntrustedServerError(problem) from None
            raise NoServerError(f"no Nova Voice server answers at {self._stream}: {error or 'timed out'}") from None
        if response.is_error:
            raise _error(response)
        return response


@contextmanager
def speakers_api(server: str | None, key: str) -> Iterator[SpeakersApi]:
    """The voices on a server, as `nova transcribe` finds it."""
    found = find_server(server).with_key(key)
    found.print_origin()
    headers = {"Authorization": f"Bearer {found.key}"} if found.key else {}
    with http_client(found.url, tls=found.tls, headers=headers, timeout=TIMEOUT_S) as http:
        yield SpeakersApi(http, found.url)


def _path(name: str) -> str:
    return f"{PATH}/{quote(name, safe='')}"


def _error(response: httpx.Response) -> NovaError:
    """The error that the server describes."""
    try:
        body = response.json()
        return NovaError(str(body["message"]), code=str(body["code"]))
    except (ValueError, KeyError, TypeError):
        return NovaError(f"the server answers with status {response.status_code}; it may be of an earlier release")
