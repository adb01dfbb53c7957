"""The signature with which Twilio proves that a request comes from it. Pure.

https://www.twilio.com/docs/usage/security#validating-requests: HMAC-SHA1 of the URL with the account's auth token. A
WebSocket has no parameters to sign.
"""

import base64
import hmac
from collections.abc import Iterator
from hashlib import sha1
from urllib.parse import urlsplit


def sign(url: str, token: str) -> str:
    """The value of the header `X-Twilio-Signature`."""
    return base64.b64encode(hmac.new(token.encode(), url.encode(), sha1).digest()).decode()


def is_signed(signature: str, host: str, target: str, token: str) -> bool:
    """Whether a request was signed with the token. `target` is its path with the query.

    The URL is the one in the TwiML, which this server knows only in part: a proxy may have removed its scheme and port.
    """
    given = signature.encode()
    return any(hmac.compare_digest(sign(url, token).encode(), given) for url in _possible_urls(host, target))


def _possible_urls(host: str, target: str) -> Iterator[str]:
    name = urlsplit(f"//{host}").hostname or host
    for scheme, port in (("wss", 443), ("ws", 80), ("https", 443)):
        for address in dict.fromkeys((host, name, f"{name}:{port}")):
            yield f"{scheme}://{address}{target}"
            yield f"{scheme}://{address}{target}/"
