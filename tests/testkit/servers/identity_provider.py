"""An identity provider: it signs tokens, and publishes the keys to check them by."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

ISSUER, AUDIENCE = "https://login.example", "nova"


class Issuer:
    """With one key."""

    def __init__(self, kid: str = "one") -> None:
        self.kid = kid
        self.key: EllipticCurvePrivateKey = generate_private_key(SECP256R1())

    @property
    def public_pem(self) -> bytes:
        """What everybody may know."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def jwks(self) -> str:
        """The published keys."""
        public = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [{**public, "kid": self.kid, "alg": "ES256", "use": "sig"}]})

    def publish(self, directory: Path) -> Path:
        """The same as a file."""
        path = directory / f"jwks-{self.kid}.json"
        path.write_text(self.jwks(), encoding="utf-8")
        return path

    def claims(self, **changed: Any) -> dict[str, Any]:
        """A good token's, unless changed; what is changed to None is left out."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "scope": "stream", "nbf": now - 60, "exp": now + 600}
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def token(self, **changed: Any) -> str:
        """Signed."""
        return jwt.encode(self.claims(**changed), self.key, "ES256", headers={"kid": self.kid})
