"""An identity provider that signs tokens and publishes its keys."""

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
    """An issuer with one key."""

    def __init__(self, kid: str = "one") -> None:
        self.kid = kid
        self.key: EllipticCurvePrivateKey = generate_private_key(SECP256R1())

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def jwks(self) -> str:
        """The public key as a JSON Web Key Set."""
        public = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [{**public, "kid": self.kid, "alg": "ES256", "use": "sig"}]})

    def publish(self, directory: Path) -> Path:
        """Write the key set to a file."""
        path = directory / f"jwks-{self.kid}.json"
        path.write_text(self.jwks(), encoding="utf-8")
        return path

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Claims of a valid token, except for `changed`. A claim that is changed to None is omitted."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "scope": "stream", "nbf": now - 60, "exp": now + 600}
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def token(self, **changed: Any) -> str:
        return jwt.encode(self.claims(**changed), self.key, "ES256", headers={"kid": self.kid})
