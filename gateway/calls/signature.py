"""Signatures of webhooks by the Standard Webhooks specification (https://www.standardwebhooks.com). Pure."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from hashlib import sha256

_PREFIX = "whsec_"


def signed_headers(secret: str, event_id: str, body: str, now: float, attempt: int) -> Mapping[str, str]:
    """The headers of a request. `now` is Unix time in seconds. Without a secret there is no signature."""
    timestamp = str(int(now))
    headers = {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-attempt": str(attempt)}
    if not secret:
        return headers
    digest = hmac.new(_key(secret), f"{event_id}.{timestamp}.{body}".encode(), sha256).digest()
    return {**headers, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def _key(secret: str) -> bytes:
    """The bytes of a secret: base64 after its prefix, or any text."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
