"""The signature of Twilio's requests."""

from gateway.apis.twilio.signature import is_signed, sign

TOKEN = "12345"


def test_a_signature_is_accepted_behind_a_proxy() -> None:
    for url in ("wss://voice.example/v1/twilio", "wss://voice.example:443/v1/twilio", "wss://voice.example/v1/twilio/"):
        assert is_signed(sign(url, TOKEN), "voice.example", "/v1/twilio", TOKEN)
    assert is_signed(sign("ws://voice.example:8080/v1/twilio", TOKEN), "voice.example:8080", "/v1/twilio", TOKEN)


def test_others_are_refused() -> None:
    url = "wss://voice.example/v1/twilio"
    for signature in ("", "é", sign(url, "54321"), sign("wss://other.example/v1/twilio", TOKEN)):
        assert not is_signed(signature, "voice.example", "/v1/twilio", TOKEN)


def test_the_value_of_the_documentation() -> None:
    """The URL and token of the example at twilio.com/docs/usage/security, without the parameters of its request."""
    # Computed with `RequestValidator.compute_signature` of the package twilio 9.13.0.
    url = "https://example.com/myapp?foo=1&bar=2"
    assert sign(url, TOKEN) == "XQzjHOd6m69Rz7KhxnERz0vDn9w="
