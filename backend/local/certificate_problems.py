"""Says why the certificate of a server is not trusted, and how to trust it."""

import ssl
from urllib.parse import urlsplit

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_EXPIRED = 10
_OTHER_NAMES = (62, 64)


def certificate_problem(url: str, error: BaseException) -> str | None:
    """A sentence for an error of a connection to `url`, or None if its certificate is not the reason."""
    if refused := _refused_certificate(error):
        server = urlsplit(url).netloc
        return f"the certificate of {server} is not trusted ({refused.verify_message}): {_advice(refused.verify_code)}"
    return None


def _refused_certificate(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The error of the TLS library among the causes of an error. httpx and websockets wrap it."""
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _advice(code: int) -> str:
    if code == _EXPIRED:
        return "renew it"
    if code in _OTHER_NAMES:
        return "use the host name for which it was issued"
    return "if the server is yours, set SSL_CERT_FILE to a file with this certificate, or that of its issuer (PEM)"
