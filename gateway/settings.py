"""The gateway's settings; the prefix is GATEWAY_."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
    auth: Literal["auto", "keys", "none"] = "auto"
    """Who may come in. "keys": who has a key; "none": everybody; "auto": everybody on loopback, else as "keys"."""
    key_in_query: bool = False
    """Whether a key may stand in the address, as ?key=; addresses are written into logs by proxies and browsers."""
    key_sessions: int = Field(default=0, ge=0)
    """Sessions at the same time, for a key or token without a limit of its own; 0: any number. So the next two."""
    key_minutes_a_day: int = Field(default=0, ge=0)
    """Minutes of audio from midnight to midnight UTC."""
    key_new_a_minute: int = Field(default=0, ge=0)
    """Sessions that may be begun within a minute."""
    origins: str = ""
    """Origins of further pages that may speak to this gateway, separated by commas: "https://a.example"; "*": all."""
    jwt_issuer: str = ""
    """Whose JSON Web Tokens are accepted beside keys; empty: nobody's. Its claim `scope` names stream, read, admin."""
    jwt_audience: str = ""
    """The audience for which such tokens must be made."""
    jwt_jwks: str = ""
    """Where the issuer's keys lie: a URL or a file (JWKS)."""
    tls_cert: str = ""
    """File with the certificate chain (PEM), for https and wss without a proxy; empty: plain http and ws."""
    tls_key: str = ""
    """File with its private key (PEM)."""
    max_session_s: float = Field(default=43_200.0, gt=0)
    """Seconds after which a connection is closed with 1008, however much is being said."""
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
    unwell_after_s: float = Field(default=5.0, gt=0)
    """When a final waits for a worker for so long, `/health/full` calls the system degraded."""
    max_sessions: int = Field(default=2_000, ge=1)
    """Sessions this gateway holds at most; further ones are refused with 1013."""
    slow_previews_s: float = Field(default=0.5, gt=0)
    """When a final waits for a worker for so long, previews become rarer."""
    stop_previews_s: float = Field(default=1.0, gt=0)
    """When a final waits for a worker for so long, there are no previews."""
    refuse_s: float = Field(default=2.0, gt=0)
    """When a final waits for a worker for so long, new sessions are refused with 1013."""
    refuse_load: float = Field(default=0.65, gt=0)
    """When the finals of all who speak take this share of the workers' time, new sessions are refused."""
    drain_s: float = Field(default=20.0, ge=0)
    """Seconds from SIGTERM until every connection is closed with 1012."""
