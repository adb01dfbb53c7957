"""Webhooks are signed as the Standard Webhooks specification says."""

from gateway.calls.signature import signed_headers


def test_the_example_of_the_specification() -> None:
    """From the tests of its reference libraries."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', 1614265330, 1
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (headers["webhook-timestamp"], headers["webhook-attempt"]) == ("1614265330", "1")


def test_any_text_is_a_secret_and_without_one_nothing_is_signed() -> None:
    assert signed_headers("whsec_no base64", "a", "b", 1, 2)["webhook-signature"].startswith("v1,")
    assert "webhook-signature" not in signed_headers("", "a", "b", 1, 2)
