"""A sample of what a long test compares. `make test` takes the sample, `make test-long` everything."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
# Set by `make test-long`.
WHOLE = "NOVA_TEST_WHOLE"


def whole() -> bool:
    """Whether tests compare everything."""
    return bool(os.environ.get(WHOLE))


def sampled(items: Sequence[T], every: int) -> list[T]:
    """One of `every` items in a row, from the middle of each row: of sorted items, short ones and long ones."""
    return list(items if whole() else items[every // 2 :: every])
