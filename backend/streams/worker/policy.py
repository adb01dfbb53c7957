"""Decisions of a consumer: which entries it reads, retries, dead-letters and drops. Pure: time is an argument."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, Literal

from backend.errors import EntryError
from backend.messages.jobs import StreamKind
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import Entry, J
from backend.streams.names import DURABLE_STREAMS
from backend.streams.observe.utilization import Utilization
from backend.streams.worker.batch_sizer import BatchSizer, RecordingSizer

# Stale entries are looked for this often per claim timeout, so a lost entry waits at most a third longer than needed.
CLAIM_CHECKS_PER_TIMEOUT = 3
SWEEP_EVERY_S = 60.0
# There is live speech if a live entry was read within this many seconds. Speakers pause between utterances.
LIVE_S = 10.0
# The share of one consumer's time that recordings get when live entries leave none, and the shortest rest between two
# of their entries, in seconds.
RECORDING_SHARE, MIN_REST_S = 0.05, 1.0
# Previews of live speech can wait for a batch of recordings that takes this many seconds, but not for a long one.
SHORT_S, LONG_S = 0.3, 1.0
# While there is live speech, a consumer stays free of recordings this many times as long as an entry of one has taken.
REST = 1.0

FailureAction = Literal["retry_alone", "leave_pending", "dead_letter"]


class PreviewPool(Generic[J]):
    """The previews that a process has read and not decoded yet. All its consumers share it.

    Otherwise one consumer would hold the previews that it read together, while the others wait for new ones.
    """

    def __init__(self) -> None:
        self._entries: list[Entry[J]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, previews: Sequence[Entry[J]], finals: Sequence[Entry[J]]) -> None:
        """Keep the previews that are worth decoding; `finals` were read together with them."""
        self._entries = select_previews([*self._entries, *previews], finals)

    def take(self, count: int, oldest_s: float) -> list[Entry[J]]:
        """Remove and return the first `count`.

        Those that were sent before `oldest_s` (Unix time) are dropped, except for first words.
        """
        fresh = [entry for entry in self._entries if entry.job.is_first_preview or entry.job.sent_at >= oldest_s]
        self._entries = fresh[count:]
        return fresh[:count]


class RecordingShare:
    """Decides when the consumers of a process may process recordings. All of them share it.

    A batch cannot be interrupted, so a live final may have to wait for one. While there is live speech, a batch of a
    recording is therefore a single entry, and `free_consumers` limits the number of consumers that process one. Each
    takes the next entry only when no live entry waits. If there always is one, recordings get RECORDING_SHARE. `now` is
    seconds of a monotonic clock.
    """

    def __init__(self, now: float, consumers: int = 1) -> None:
        self._consumers = consumers
        self._live_at = -math.inf
        self._due_at = now
        self._holders = 0
        # When consumers that have processed an entry may process the next one.
        self._rests: list[float] = []
        # Duration of the last batch of recordings; at first, of a long one.
        self._last_s = LONG_S
        # Of each consumer, the share of its time that finals take.
        self._finals: list[Utilization] = []

    def include(self, finals: Utilization) -> None:
        """Let a consumer's work on finals reduce the number of consumers that may process recordings."""
        self._finals.append(finals)

    def record_live(self, now: float) -> None:
        """A live entry was read."""
        self._live_at = now

    def is_live(self, now: float) -> bool:
        """Whether there is live speech."""
        return now - self._live_at < LIVE_S

    def is_due(self, now: float) -> bool:
        """Whether a recording is processed next although live entries wait."""
        return now >= self._due_at

    @contextmanager
    def slot(self, now: float) -> Iterator[bool]:
        """Enter before a consumer reads. Returns whether it may process recordings until the exit."""
        granted = self._holders < self._limit(now) or self.is_due(now)
        self._holders += granted
        try:
            yield granted
        finally:
            self._holders -= granted

    def _limit(self, now: float) -> int:
        self._rests = [rest_until for rest_until in self._rests if rest_until > now]
        if not self.is_live(now):
            return self._consumers
        free = free_consumers(self._consumers, sum(finals.share(now) for finals in self._finals))
        if self._consumers > 1:
            return free - len(self._rests)
        # The next preview of a speaker follows the result of the one before, so for a moment none waits. A single
        # consumer would begin with a recording each time.
        return free if self._last_s <= SHORT_S or now - self._live_at >= self._last_s else 0

    def rest_s(self, now: float) -> float:
        """Seconds until the first rest after a short entry is over. Infinite: there is none.

        A consumer that waits for live entries ends its wait then. After a long entry it waits as usual, up to a second,
        because otherwise the p95 of live finals grows by a tenth.
        """
        if self._last_s > SHORT_S:
            return math.inf
        return min((until - now for until in self._rests if until > now), default=math.inf)

    def begin(self) -> None:
        """A consumer begins to process a recording."""
        self._due_at = math.inf

    def end(self, now: float, seconds: float) -> None:
        """It has processed one for `seconds`."""
        self._last_s = seconds
        self._due_at = now + max(MIN_REST_S, seconds * (1 / RECORDING_SHARE - 1))
        self._rests.append(now + REST * seconds)

    def skip(self, now: float) -> None:
        """There was none when one was due."""
        if self.is_due(now):
            self._due_at = now + MIN_REST_S


def free_consumers(consumers: int, busy: float) -> int:
    """How many consumers may process recordings while there is live speech.

    Live finals take the time of `busy` consumers. Twice as many stay free for them, because they arrive unevenly, and
    at least one. A single consumer is shared while finals take less than half of its time.
    """
    reserved = 2 * busy
    return max(consumers - max(1, math.ceil(reserved)), int(reserved < consumers))


class ConsumerPolicy(Generic[J]):
    """The state behind the decisions of one consumer. `now` is seconds of a monotonic clock."""

    def __init__(
        self, settings: WorkerSettings, now: float, *, sweep_phase: float, previews: PreviewPool[J] | None = None
    ) -> None:
        """`sweep_phase`, 0 to 1, spreads the sweeps of workers that were started together."""
        self._settings = settings
        self.final_sizer = BatchSizer(settings.batch, settings.final_budget_ms / 1000)
        self.preview_sizer = BatchSizer(settings.batch, settings.preview_budget_ms / 1000)
        self.recording_sizer = RecordingSizer(settings.batch, settings.final_budget_ms / 1000)
        self._previews = PreviewPool[J]() if previews is None else previews
        # Begin and end of the last batch of recordings, in Unix time.
        self._recording = (-math.inf, -math.inf)
        self._next_claim_check = dict.fromkeys(DURABLE_STREAMS, now)
        self._next_sweep = now + SWEEP_EVERY_S * sweep_phase

    # --- what to read

    def should_claim(self, kind: StreamKind, now: float) -> bool:
        """Whether to look for a stale entry before new ones are read."""
        return now >= self._next_claim_check[kind]

    def record_claim(self, kind: StreamKind, found: bool, now: float) -> None:
        """After an entry was found, look for the next one at once: its consumer has probably left more."""
        if not found:
            self._next_claim_check[kind] = now + self._settings.claim_after_ms / 1000 / CLAIM_CHECKS_PER_TIMEOUT

    @property
    def may_wait(self) -> bool:
        """Whether a read may block: not while previews wait."""
        return not len(self._previews)

    def should_sweep(self, now: float) -> bool:
        """Whether idle consumers should be deleted now. Each time it returns True, the next sweep is scheduled."""
        if now < self._next_sweep:
            return False
        self._next_sweep = now + SWEEP_EVERY_S
        return True

    # --- previews

    def add_previews(self, previews: Sequence[Entry[J]], finals: Sequence[Entry[J]]) -> None:
        """Keep the previews that are worth decoding; `finals` were read together with them."""
        self._previews.add(previews, finals)

    def record_recording(self, began_s: float, ended_s: float) -> None:
        """A batch of recordings was processed, from and to these Unix times. Previews have waited for it."""
        self._recording = began_s, ended_s

    def next_previews(self, wall_time_s: float) -> list[Entry[J]]:
        """The next batch of previews. Late ones are dropped: a newer one is on its way. `wall_time_s` is Unix time.

        Those that are late because of a recording are kept. No newer one follows: a session awaits the result.
        """
        max_age_s = self._settings.preview_max_age_ms / 1000
        began_s, ended_s = self._recording
        since_s = began_s if wall_time_s - ended_s <= max_age_s else wall_time_s
        return self._previews.take(self.preview_sizer.size, since_s - max_age_s)

    # --- failures

    def is_exhausted(self, deliveries: int) -> bool:
        """Whether an entry that is delivered for the `deliveries`-th time becomes a dead letter without another try."""
        return deliveries > self._settings.max_attempts


def select_previews(previews: Sequence[Entry[J]], finals: Sequence[Entry[J]]) -> list[Entry[J]]:
    """The newest preview of each session, unless the final of its utterance is here too, in the order of their value.

    Utterances without any partial come first, because their delay is the one that users notice. The others follow. The
    one that has waited longest is the next, so that all sessions have the same share.
    """
    finished = {(entry.job.session, entry.job.utterance) for entry in finals}
    newest = {entry.job.session: entry for entry in sorted(previews, key=lambda entry: entry.job.sent_at)}
    useful = [entry for entry in newest.values() if (entry.job.session, entry.job.utterance) not in finished]
    return sorted(useful, key=lambda entry: (not entry.job.is_first_preview, entry.job.sent_at))


def after_failure(error: Exception, batch_size: int) -> FailureAction:
    """Decide what happens to a batch of finals that failed.

    Any entry of a batch may be at fault, so each is retried alone. A single entry stays pending and is claimed again
    after the claim timeout, so a temporary fault has time to pass; EntryError means that no worker can process it.
    """
    if batch_size > 1:
        return "retry_alone"
    return "dead_letter" if isinstance(error, EntryError) else "leave_pending"
