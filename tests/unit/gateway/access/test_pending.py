"""Connections without a session are limited in total and per address."""

from contextlib import ExitStack

import pytest

from gateway.access.pending import PendingConnections, TooManyConnectionsError


def test_both_limits_apply_and_places_become_free() -> None:
    pending = PendingConnections(3, 2)
    with ExitStack() as opened:
        opened.enter_context(pending.counted("a"))
        first_of_b = ExitStack()
        first_of_b.enter_context(pending.counted("b"))
        opened.enter_context(pending.counted("a"))
        for address in ("a", "c"):
            with pytest.raises(TooManyConnectionsError) as refused, pending.counted(address):
                pass
            assert (refused.value.close_code, refused.value.retry_after_s) == (1013, 2.0)
        first_of_b.close()
        with pending.counted("c"):
            assert len(pending) == 3
        with pytest.raises(TooManyConnectionsError, match="this address"), pending.counted("a"):
            pass
    assert len(pending) == 0
