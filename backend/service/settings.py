"""What every service's settings share. Each service adds its own class in its settings.py, built once in main."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Read from the environment, or from a file .env; the shared names carry no service prefix."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_file=".env",
        env_nested_delimiter="__",
        use_attribute_docstrings=True,
        populate_by_name=True,
    )

    redis_url: SecretStr = Field(default=SecretStr("redis://127.0.0.1:6379/0"), validation_alias="REDIS_URL")
    """Where Redis (7.0 or later) or Valkey listens: redis://, redis+sentinel://host,host/name or redis+cluster://host,host."""
    shards: int = Field(default=1, ge=1, le=1024, validation_alias="NOVA_SHARDS")
    """Into how many shards sessions are spread; the same for every process of a system."""
    session_ttl_s: int = Field(default=3600, ge=60, validation_alias="NOVA_SESSION_TTL_S")
    """Seconds for which a session's log and state outlive its last event."""
    log_cap: int = Field(default=10_000, ge=100, validation_alias="NOVA_LOG_CAP")
    """Durable events kept per session."""
    dead_cap: int = Field(default=200, ge=10, validation_alias="NOVA_DEAD_CAP")
    """Dead letters kept per lane; the oldest go first. One holds at most a megabyte of audio."""
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", validation_alias="NOVA_LOG_LEVEL")
    """Least severe log line that is written. Text that was spoken appears at debug only."""
    log_format: Literal["auto", "json", "console"] = Field(default="auto", validation_alias="NOVA_LOG_FORMAT")
    """"auto": readable on a terminal, JSON lines elsewhere."""


ANY_DEVICE = -1
"""The index that stands for "auto"."""


def _index(given: object) -> object:
    return ANY_DEVICE if given == "auto" else given


class WorkerSettings(ServiceSettings):
    """What both kinds of worker share; the prefix is the service's own."""

    name: str = ""
    """Consumer name; empty: made from host name and process id."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; "auto" takes a GPU when there is one."""
    device_index: Annotated[int, BeforeValidator(_index)] = Field(default=0, ge=ANY_DEVICE)
    """Which CUDA device this process is pinned to; "auto": one that no other worker of its kind here holds."""
    compute_type: str = "auto"
    """CTranslate2's name for the arithmetic; "auto": int8 on a CPU, float16 on a GPU."""
    threads: int = Field(default=0, ge=0)
    """CPU threads of the model; 0: as many as there are cores, at most 8."""
    batch: int = Field(default=8, ge=1, le=256)
    """Most entries of a kind that are taken at once."""
    final_budget_ms: int = Field(default=600, ge=10)
    """About how long a batch of finals may take, so that none waits for many others; while more wait, batches grow."""
    preview_budget_ms: int = Field(default=300, ge=10)
    """Longest time that a batch of previews may take, so that a final never waits longer for a guess."""
    preview_max_age_ms: int = Field(default=1500, ge=50)
    """Previews older than this are dropped: a newer one is on its way."""
    max_attempts: int = Field(default=5, ge=1)
    """Deliveries after which an entry becomes a dead letter; a worker killed for another reason counts as well."""
    claim_after_ms: int = Field(default=5_000, ge=100)
    """An entry whose worker has not been heard of for so long is taken over by another."""
    hung_after_s: float = Field(default=120.0, gt=0)
    """A batch that takes longer is taken for one that hangs: the process ends, and what it held is tried elsewhere."""
    wait_for_engine_s: float = Field(default=300.0, ge=0)
    """How long a remote engine that is away is waited for before its entries count as failed."""
    drain_s: float = Field(default=20.0, ge=0)
    """Seconds that the batch in hand gets to finish after SIGTERM."""
    nice: int = Field(default=5, ge=0, le=19)
    """By how much it gives way to other processes of its machine: gateway and Redis need little, but at once."""
    metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port for this worker's own /health, /health/ready and /metrics; 0: none."""
    metrics_host: str = "127.0.0.1"
    """Address of that port. It asks for no key: let only those reach it who may read metrics."""
