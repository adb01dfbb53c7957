"""The gateway's settings; the prefix is GATEWAY_."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from backend.service.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Read from the environment once, in main."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """Port to listen on."""
    page_dir: Path = Path(__file__).parent.parent / "frontend" / "dist"
    """The built page, served at /."""
    max_frame_bytes: int = Field(default=1 << 20, ge=1024)
    """Largest frame a client may send; a larger one ends its session with close code 1009."""
    start_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds within which a connection must send `start`."""
    idle_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds without any frame, not even a keepalive, after which a session ends with close code 1008."""
    stop_wait_s: float = Field(default=120.0, gt=0)
    """Longest wait for finals and translations in flight after `stop`."""
    max_backlog: int = Field(default=12, ge=1)
    """Utterances a session may have in flight; beyond, its socket is not read until one returns."""
    outbox: int = Field(default=1_000, ge=10)
    """Events that may wait for a slow client; beyond, its connection is closed with 1013."""
    preview_every_ms: int = Field(default=250, ge=50)
    """Least new audio between two previews of an utterance. The system's speed decides the rest."""
    preview_first_ms: int = Field(default=600, ge=100)
    """Least audio of an utterance, pre-roll included, before its first preview."""
    preview_overdue_ms: int = Field(default=2_500, ge=100)
    """A preview that has not come back by then is given up and the next one asked for."""
    early_final_ms: int = Field(default=200, ge=60)
    """Silence after which an utterance is decoded already, in the hope that it has ended."""
    pre_roll_ms: int = Field(default=300, ge=0, le=2_000)
    """Audio kept from before the speech was noticed."""
    max_utterance_ms: int = Field(default=25_000, ge=5_000, le=28_000)
    """Length at which an utterance is cut, at its quietest point of late."""
    max_sessions: int = Field(default=2_000, ge=1)
    """Sessions this gateway holds at most; further ones are refused with 1013."""
    slow_previews_s: float = Field(default=1.0, gt=0)
    """When a final waits for a worker for so long, previews become rarer."""
    stop_previews_s: float = Field(default=2.0, gt=0)
    """When a final waits for a worker for so long, there are no previews."""
    refuse_s: float = Field(default=4.0, gt=0)
    """When a final waits for a worker for so long, new sessions are refused with 1013."""
    refuse_load: float = Field(default=0.85, gt=0)
    """When the finals of all who speak take this share of the workers' time, new sessions are refused."""
    drain_s: float = Field(default=20.0, ge=0)
    """Seconds from SIGTERM until every connection is closed with 1012."""
