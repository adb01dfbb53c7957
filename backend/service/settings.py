"""Settings that services share. Each service has a subclass in its settings.py, which is created once, in main."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings of all services, from the environment or the file .env. Their names have no service prefix."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_file=".env",
        env_nested_delimiter="__",
        use_attribute_docstrings=True,
        populate_by_name=True,
    )

    redis_url: SecretStr = Field(default=SecretStr("redis://127.0.0.1:6379/0"), validation_alias="REDIS_URL")
    """URL of Redis (7.0 or later) or Valkey: redis://, redis+sentinel://host,host/name or redis+cluster://host,host."""
    shards: int = Field(default=1, ge=1, le=1024, validation_alias="NOVA_SHARDS")
    """Number of shards. Must be the same for all processes of a system."""
    session_ttl_s: int = Field(default=3600, ge=60, validation_alias="NOVA_SESSION_TTL_S")
    """Seconds for which the log and the state of a session are kept after its last event."""
    log_cap: int = Field(default=10_000, ge=100, validation_alias="NOVA_LOG_CAP")
    """Maximum number of events in a session log."""
    dead_cap: int = Field(default=200, ge=10, validation_alias="NOVA_DEAD_CAP")
    """Maximum number of dead letters per stream and shard. The oldest are deleted. Each has up to 1 MB of audio."""
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", validation_alias="NOVA_LOG_LEVEL")
    """Minimum level of log lines. Spoken text is logged at debug only."""
    log_format: Literal["auto", "json", "console"] = Field(default="auto", validation_alias="NOVA_LOG_FORMAT")
    """"auto": readable lines on a terminal, JSON lines otherwise."""


# Value of `device_index` for "auto".
ANY_DEVICE = -1


def _index(given: object) -> object:
    return ANY_DEVICE if given == "auto" else given


class WorkerSettings(ServiceSettings):
    """Settings of both kinds of worker, with the prefix of the service."""

    name: str = ""
    """Consumer name. Default: host name and process id."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device of the model. "auto": a GPU if there is one."""
    device_index: Annotated[int, BeforeValidator(_index)] = Field(default=0, ge=ANY_DEVICE)
    """CUDA device of this process. "auto": a device that no other worker of this kind on this machine uses."""
    compute_type: str = "auto"
    """Arithmetic, as named by CTranslate2. "auto": int8 on a CPU, float16 on a GPU."""
    threads: int = Field(default=0, ge=0)
    """CPU threads of the model. 0: the number of cores, at most 8."""
    batch: int = Field(default=8, ge=1, le=256)
    """Maximum number of entries in a batch."""
    final_budget_ms: int = Field(default=600, ge=10)
    """Approximate maximum duration of a batch of finals. Batches may be longer while more finals wait."""
    preview_budget_ms: int = Field(default=300, ge=10)
    """Maximum duration of a batch of previews, and so the longest time that a final waits for previews."""
    preview_max_age_ms: int = Field(default=1_500, ge=50)
    """Older previews are dropped, because a newer one follows. Not those for the first words of an utterance."""
    max_attempts: int = Field(default=5, ge=1)
    """Deliveries after which an entry becomes a dead letter. A worker that is killed for another reason counts too."""
    claim_after_ms: int = Field(default=5_000, ge=100)
    """Time without a renewed claim after which other workers claim an entry."""
    hung_after_s: float = Field(default=120.0, gt=0)
    """A batch that takes longer is treated as hung: the process exits, and other workers claim its entries."""
    wait_for_engine_s: float = Field(default=300.0, ge=0)
    """Time to wait for an unavailable remote engine before its entries count as failed."""
    drain_s: float = Field(default=20.0, ge=0)
    """Seconds to finish the current batch after SIGTERM."""
    nice: int = Field(default=5, ge=0, le=19)
    """Nice level. Gateways and Redis on the same machine need little CPU time, but without delay."""
    metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port of /health, /health/ready and /metrics. 0: disabled."""
    metrics_host: str = "127.0.0.1"
    """Address of that port. It has no authentication: keep it on a private network."""
    metrics_names: str = ""
    """Host names in requests to that port, separated by commas. IP addresses and this machine's name are accepted."""
