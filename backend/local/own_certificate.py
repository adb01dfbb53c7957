"""Trust in the certificate of a system that runs on this machine."""

import re
import ssl
from pathlib import Path

from backend.errors import SetupError

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def trust_only(path: str) -> ssl.SSLContext:
    """A context that accepts only a server with the first certificate in a PEM file, at any address.

    No authority issues certificates for loopback addresses, so the host name is not compared. The file belongs to a
    process of this user. Raises SetupError if it cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The certificate itself is trusted. Its issuer is not, because it also issues certificates for other servers.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        found = _CERTIFICATE.search(Path(path).read_text())
        context.load_verify_locations(cadata=found[0] if found else "")
    except (OSError, ValueError) as error:
        raise SetupError(f"the certificate of the running system, {path}, cannot be used: {error}") from None
    return context
