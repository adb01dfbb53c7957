"""Settings of the gateway. Environment variables have the prefix GATEWAY_."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from backend.service.page_folder import page_folder
from backend.service.settings import ServiceSettings
from gateway.http.public_addresses import parse_networks


class GatewaySettings(ServiceSettings):
    """Read from the environment once at startup."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """Port to listen on."""
    auth: Literal["auto", "keys", "none"] = "auto"
    """Callers to accept. "keys": with an API key; "none": all; "auto": all if `host` is loopback, otherwise "keys"."""
    key_in_query: bool = False
    """Accept a key in the URL, as ?key=. Proxies and browsers write URLs to logs and histories."""
    key_sessions: int = Field(default=0, ge=0)
    """Simultaneous sessions of a key or token without its own limit. 0: no limit, also for the next two settings."""
    key_minutes_a_day: int = Field(default=0, ge=0)
    """Minutes of audio per day (UTC) for a key or token without its own limit."""
    key_new_a_minute: int = Field(default=0, ge=0)
    """New sessions per minute for a key or token without its own limit."""
    origins: str = ""
    """Origins of other web pages that may connect, separated by commas, such as "https://a.example". "*": all."""
    jwt_issuer: str = ""
    """Issuer of JSON Web Tokens to accept in addition to keys. Their claim `scope` contains stream, read or admin."""
    jwt_audience: str = ""
    """Required audience of these tokens."""
    jwt_jwks: str = ""
    """URL or file of the issuer's public keys (JWKS)."""
    tls_cert: str = ""
    """File with the certificate chain (PEM), to serve https and wss without a proxy. Empty: plain http and ws."""
    tls_key: str = ""
    """File with the private key of the certificate (PEM)."""
    max_session_s: float = Field(default=43_200.0, gt=0)
    """Longest session in seconds. Then its connection is closed with 1008."""
    page_dir: Path = Field(default_factory=page_folder)
    """Folder with the built web page, served at /."""
    page_servers: str = ""
    """Other servers to which the page may connect, separated by commas, such as "wss://voice.example". "*": all."""
    max_frame_bytes: int = Field(default=1 << 20, ge=1024)
    """Largest frame that a client may send. A larger one closes its connection with 1009."""
    max_frames_per_s: float = Field(default=500.0, gt=0)
    """Frames per second that a connection may send. A faster one is read more slowly, and closed if they are tiny."""
    max_bytes_per_s: float = Field(default=4_194_304.0, ge=65_536)
    """Bytes per second that a connection may send. A faster one is read more slowly."""
    max_upload_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """Largest recording that a client may upload."""
    url_enabled: bool = False
    """Fetch recordings from addresses that clients choose, such as `url` of Deepgram's API. Only public addresses."""
    callback_enabled: bool = False
    """Send results to addresses that clients choose: `callback` of Deepgram's API. Only public addresses."""
    url_networks: str = ""
    """Networks that such addresses may also be in, separated by commas, such as "10.1.0.0/16" for your own storage."""
    url_timeout_s: float = Field(default=300.0, gt=0)
    """Seconds within which a recording must have been fetched."""
    callback_timeout_s: float = Field(default=600.0, gt=0)
    """Seconds for which results are sent again if the server of a callback does not accept them."""
    call_webhook: str = ""
    """URL that receives the events of telephone calls. With `callback_enabled`, a caller may choose another one."""
    webhook_secret: SecretStr = SecretStr("")
    """Secret that signs these events: "whsec_" and base64, or any text. Empty: they are not signed."""
    webhook_timeout_s: float = Field(default=86_400.0, gt=0)
    """Seconds for which an event is sent again if its receiver does not accept it."""
    twilio_token: SecretStr = SecretStr("")
    """Auth token of your Twilio account: then all media streams must be signed with it. Empty: no check."""
    audiosocket_port: int = Field(default=0, ge=0, le=65_535)
    """Port for Asterisk's AudioSocket. 0: none."""
    audiosocket_host: str = "127.0.0.1"
    """Address of this port. AudioSocket has no encryption and no password, so restrict who reaches it."""
    audiosocket_key: SecretStr = SecretStr("")
    """API key whose rights and quotas apply to all calls over AudioSocket."""
    audiosocket_options: str = ""
    """Parameters of these calls in the form of a query, such as "language=en&hotwords=Nova"."""
    wyoming_port: int = Field(default=0, ge=0, le=65_535)
    """Port for Wyoming, the protocol of Home Assistant. 0: none."""
    wyoming_host: str = "127.0.0.1"
    """Address of this port. Wyoming has no encryption and no password, so restrict who reaches it."""
    wyoming_key: SecretStr = SecretStr("")
    """API key whose rights and quotas apply to all clients of Wyoming."""
    wyoming_announce: bool = False
    """Announce this port in the local network by multicast DNS, so that Home Assistant discovers it."""
    original_port: int = Field(default=0, ge=0, le=65_535)
    """WebSocket port for clients of the first Nova Voice, which used 5026. 0: none."""
    original_host: str = "127.0.0.1"
    """Address of this port. Its clients need no key of their own, so restrict who reaches it."""
    original_key: SecretStr = SecretStr("")
    """API key whose rights and quotas apply to all clients of this port that present none."""
    ai_voice_redis: SecretStr = SecretStr("")
    """URL of a Redis whose channels `ai.voice.*` clients of the streaming-STT module use. Empty: none."""
    ai_voice_nats: SecretStr = SecretStr("")
    """URLs of NATS servers for such clients, separated by commas, such as "nats://host:4222". Empty: none."""
    ai_voice_key: SecretStr = SecretStr("")
    """API key whose rights and quotas apply to all clients of both."""
    max_pending: int = Field(default=1_000, ge=1)
    """Connections without a session. Others are refused with 1013."""
    max_pending_per_address: int = Field(default=250, ge=1)
    """Connections without a session from one address. Set FORWARDED_ALLOW_IPS if clients connect through a proxy."""
    start_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds within which a new connection must send `start` or `resume`."""
    idle_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds without any frame, including keepalives, after which a connection is closed with 1008."""
    stop_wait_s: float = Field(default=120.0, gt=0)
    """Longest wait in seconds for results in flight after `stop`."""
    max_backlog: int = Field(default=12, ge=1)
    """Finals that a session may have in flight. At the limit, the gateway stops reading from its socket."""
    outbox: int = Field(default=1_000, ge=10)
    """Events that may wait for a slow client. At the limit, its connection is closed with 1013."""
    preview_every_ms: int = Field(default=250, ge=50)
    """Minimum new audio between two previews of an utterance. On a slow system, previews are less frequent."""
    preview_first_ms: int = Field(default=600, ge=100)
    """Minimum audio of an utterance, including the pre-roll, before its first preview."""
    preview_overdue_ms: int = Field(default=2_500, ge=100)
    """Time after which a preview without a result counts as lost, and the next one is requested."""
    early_final_ms: int = Field(default=200, ge=60)
    """Silence after which an utterance is decoded early, before its endpoint is certain."""
    pre_roll_ms: int = Field(default=300, ge=0, le=2_000)
    """Audio kept from before detected speech."""
    max_utterance_ms: int = Field(default=25_000, ge=5_000, le=28_000)
    """Longest utterance. A longer one is cut in a pause, or at the quietest point of its last five seconds."""
    unwell_after_s: float = Field(default=5.0, gt=0)
    """`/health/full` reports the system as degraded when a final waits this long for a worker."""
    max_sessions: int = Field(default=2_000, ge=1)
    """Maximum number of sessions of this gateway. Others are refused with 1013."""
    max_recordings: int = Field(default=32, ge=1)
    """Recordings that this gateway transcribes at the same time. Others are refused with 1013, or 503 over HTTP."""
    slow_previews_s: float = Field(default=0.5, gt=0)
    """Previews become less frequent when a final waits this long for a worker."""
    stop_previews_s: float = Field(default=1.0, gt=0)
    """Previews stop when a final waits this long for a worker."""
    refuse_s: float = Field(default=2.0, gt=0)
    """New sessions are refused with 1013 when a final waits this long for a worker."""
    refuse_load: float = Field(default=0.65, gt=0)
    """New sessions are refused with 1013 when the finals of all current speech need this share of the workers' time."""
    max_voices: int = Field(default=100, ge=0)
    """Enrolled voices of a key or token. 0: none can be enrolled."""
    max_readers: int = Field(default=2_000, ge=0)
    """Readers of rooms on this gateway. Others are refused with 503."""
    drain_s: float = Field(default=20.0, ge=0)
    """Seconds from SIGTERM until all remaining connections are closed with 1012."""

    @field_validator("url_networks")
    @classmethod
    def _valid_networks(cls, text: str) -> str:
        parse_networks(text)
        return text
