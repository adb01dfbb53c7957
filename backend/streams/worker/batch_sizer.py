"""How many entries a worker takes at once. Pure.

A batch cannot be interrupted, and all its results arrive at its end. So a batch is limited to the entries that fit into
a time budget. Only while the stream is full does it grow to the size that a model handles best: then entries wait in
any case, and throughput matters more.
"""

# Weight of the newest batch in the moving average of the cost of an entry.
NEWEST_WEIGHT = 0.3
# How much longer than a single entry a batch of recordings may take.
STRETCH = 1.5


class BatchSizer:
    """Batch size for one kind of job."""

    def __init__(self, max_size: int, budget_s: float) -> None:
        """A batch has 1 to `max_size` entries, and takes about `budget_s` seconds while the stream is not full."""
        self._max_size, self._budget_s = max_size, budget_s
        self._cost_s = 0.0
        self._growth = 1

    @property
    def size(self) -> int:
        """Entries to take now."""
        within_budget = max(1, int(self._budget_s / self._cost_s)) if self._cost_s else 1
        return min(self._max_size, self._growth * within_budget)

    def record_read(self, count: int) -> None:
        """Note how many entries a read of `size` entries returned. A full read means that more may wait."""
        is_full = count >= self.size
        self._growth = min(2 * self._growth, self._max_size) if is_full else 1

    def record_duration(self, seconds: float, count: int) -> None:
        """Note how long a batch of `count` entries took."""
        cost_s = seconds / count
        self._cost_s = (1 - NEWEST_WEIGHT) * (self._cost_s or cost_s) + NEWEST_WEIGHT * cost_s


class RecordingSizer:
    """Batch size for recordings while there is no live speech. A session may begin at any time and then waits.

    It waits for a single entry in any case. So a larger batch is kept only if it takes hardly longer than one entry, as
    on a GPU or a remote engine, or stays within the time budget.
    """

    def __init__(self, max_size: int, budget_s: float) -> None:
        self._max_size, self._budget_s = max_size, budget_s
        # Average duration of a batch of one entry.
        self._alone_s = 0.0
        # Entries to take now.
        self.size = 1

    def record_duration(self, seconds: float, count: int) -> None:
        """Note how long a batch of `count` entries took."""
        if count == 1:
            self._alone_s = (1 - NEWEST_WEIGHT) * (self._alone_s or seconds) + NEWEST_WEIGHT * seconds
        if seconds > max(self._budget_s, STRETCH * self._alone_s):
            self.size = max(1, count // 2)
        elif count >= self.size:
            self.size = min(self._max_size, 2 * count)
