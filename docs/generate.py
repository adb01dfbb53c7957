"""Generate the reference files from the code (`make docs`). A contract test fails when they are out of date.

.env.example                           every setting with its default
docs/reference/configuration.md        the same settings as a page
docs/reference/protocol.md             _protocol-intro.md, then a table for every message
docs/reference/protocol.schema.json    JSON Schema of every message
docs/reference/metrics.md              every metric of every service
"""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from backend.messages.protocol import ClientMessage, Message, ServerMessage
from backend.messages.schema import protocol_schema, protocol_schema_json
from backend.service import metrics as shared_metrics
from backend.service.settings import ServiceSettings
from backend.streams import metrics as stream_metrics
from gateway import metrics as gateway_metrics
from gateway.settings import GatewaySettings
from stt_worker import metrics as stt_worker_metrics
from stt_worker.settings import SttSettings
from translation_worker import metrics as translation_worker_metrics
from translation_worker.settings import TranslationSettings

ROOT = Path(__file__).parent.parent
SERVICES: tuple[tuple[str, type[ServiceSettings]], ...] = (
    ("Gateway", GatewaySettings),
    ("STT worker", SttSettings),
    ("Translation worker", TranslationSettings),
)
METRICS: tuple[tuple[str, ModuleType], ...] = (
    ("Every service", shared_metrics),
    ("Redis and its streams (`nova_worker_*`: workers only)", stream_metrics),
    ("Gateways", gateway_metrics),
    ("STT workers", stt_worker_metrics),
    ("Translation workers", translation_worker_metrics),
)
# Variables that are not fields of a settings class. The code or a library reads them from the environment directly.
OTHER_VARIABLES: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "The command `nova` and clients",
        (
            ("NOVA_SERVER", "that of `nova up`, or port 8080", "Server that the commands use: host:port or a URL."),
            ("NOVA_KEY", "", "API key that the commands send."),
            ("NOVA_YOUTUBE_URL", "", "`nova ingest` and `nova follow`: closed captions ingestion URL. A secret."),
            ("NOVA_ZOOM_URL", "", "As before: API token of a Zoom meeting, which is a URL. A secret."),
            ("NOVA_OBS_URL", "", "As before: WebSocket server of OBS, such as ws://127.0.0.1:4455."),
            ("NOVA_OBS_PASSWORD", "", "As before: its password."),
            ("NOVA_COMMAND", "`nova` on PATH", "Desktop client: command that starts a local server."),
            ("NOVA_RUNTIME_FOLDER", "", "Set by `nova` for its processes, to find them if it is killed."),
        ),
    ),
    (
        "Models",
        (
            ("NOVA_MODELS_DIR", "", "Folder with your own models, one folder for each. Searched first."),
            ("NOVA_CACHE_DIR", "~/.cache/nova-voice", "Folder for downloaded models and calibrations."),
            ("XDG_CACHE_HOME", "~/.cache", "Parent of the default cache folders."),
            ("HF_ENDPOINT", "https://huggingface.co", "Hub, or a mirror of it."),
            ("HF_TOKEN", "", "Token for the hub."),
            ("HF_HUB_OFFLINE", "0", "1: download nothing, from any source."),
            ("HF_HOME", "~/.cache/huggingface", "Folder of all Hugging Face tools."),
            ("HF_HUB_CACHE", "HF_HOME/hub", "Shared cache of the hub. HUGGINGFACE_HUB_CACHE is the older name."),
            ("HF_HUB_DISABLE_XET", "1", "0: download with Xet instead of plain HTTP."),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "10", "Seconds without data before a download is resumed."),
        ),
    ),
    (
        "Tracing",
        (
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "", "URL of the collector. Setting it enables tracing."),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "The same, for traces only."),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "The only supported protocol."),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", "The same, for traces only."),
            ("OTEL_EXPORTER_OTLP_HEADERS", "", "Headers for the collector, for example a token."),
            ("OTEL_TRACES_EXPORTER", "", "otlp: enable tracing with the default endpoint; none: disable it."),
            ("OTEL_SDK_DISABLED", "false", "true: disable tracing."),
            ("OTEL_TRACES_SAMPLER", "parentbased_always_on", "Which utterances are traced."),
            ("OTEL_SERVICE_NAME", "", "Name of the service in traces, instead of its own."),
            ("OTEL_RESOURCE_ATTRIBUTES", "", "Attributes added to all traces of the process."),
        ),
    ),
    (
        "Hardware",
        (("CUDA_VISIBLE_DEVICES", "", "GPUs that the process can use. `gpu_device` in logs follows this numbering."),),
    ),
)
GENERATED = "generated from the code by `make docs`"


def generated() -> dict[Path, str]:
    """Expected text of every generated file, by path relative to the repository root."""
    return {
        Path(".env.example"): env_example(),
        Path("docs/reference/configuration.md"): configuration(),
        Path("docs/reference/protocol.md"): protocol(),
        Path("docs/reference/protocol.schema.json"): protocol_schema_json(),
        Path("docs/reference/metrics.md"): metrics(),
    }


def settings_of(service: type[ServiceSettings]) -> list[tuple[str, str, str]]:
    """(environment variable, default, description) of every setting that only this service has."""
    prefix = str(service.model_config.get("env_prefix", ""))
    return [
        (prefix + name.upper(), _default(field), field.description or "")
        for name, field in service.model_fields.items()
        if not field.validation_alias
    ]


def shared_settings() -> list[tuple[str, str, str]]:
    """(environment variable, default, description) of the settings that all services share."""
    return [
        (_alias(field), _default(field), field.description or "")
        for field in ServiceSettings.model_fields.values()
        if field.validation_alias
    ]


def _alias(field: FieldInfo) -> str:
    alias = field.validation_alias
    assert isinstance(alias, str)
    return alias


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "(the built page)" if isinstance(value, Path) else str(value)


def env_example() -> str:
    """The text of .env.example: every setting, commented out, with its default."""
    lines = [f"# Every setting with its default, {GENERATED}."]
    for title, settings in _sections():
        lines += ["", f"# --- {title}"]
        for name, default, meaning in settings:
            lines += [f"# {meaning}", f"#{name}={'' if default.startswith('(') else default}"]
    return "\n".join(lines) + "\n"


def configuration() -> str:
    """The text of configuration.md."""
    lines = [
        f"# Configuration\n\nEvery setting is an environment variable. This page is {GENERATED}. Services also read",
        "settings from the file `.env` in their working directory. Set the [other variables](#other-variables) in the",
        "environment.",
    ]
    for title, settings in _sections():
        lines += ["", f"## {title}", *_settings_table(settings)]
    lines += ["", "## Other variables"]
    for title, variables in OTHER_VARIABLES:
        lines += ["", f"### {title}", *_settings_table(variables)]
    return "\n".join(lines) + "\n"


def _settings_table(settings: Iterable[tuple[str, str, str]]) -> list[str]:
    rows = [f"| `{name}` | {_code(default)} | {meaning} |" for name, default, meaning in settings]
    return ["", "| variable | default | description |", "|---|---|---|", *rows]


def _code(default: str) -> str:
    return default if "`" in default or not default else f"`{default}`"


def _sections() -> list[tuple[str, list[tuple[str, str, str]]]]:
    return [("All services", shared_settings()), *((title, settings_of(service)) for title, service in SERVICES)]


def metrics() -> str:
    """The text of metrics.md: every metric as Prometheus reads it."""
    lines = [
        f"# Metrics\n\nThis page is {GENERATED}. Each process serves its metrics at `/metrics`, together with the",
        "standard `process_*` and `python_*` metrics. Units are seconds, bytes and words. No label is a session id.",
        "To set up Prometheus, dashboards and alerts, see [Monitor the system](../howto/monitor.md).",
    ]
    for title, module in METRICS:
        lines += ["", f"## {title}", "", "| metric | type | labels | description |", "|---|---|---|---|"]
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                lines.append(_metric(metric))
    return "\n".join(lines) + "\n"


def _metric(metric: MetricWrapperBase) -> str:
    (family,) = metric.describe()
    name = family.name + ("_total" if family.type == "counter" else "")
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |"


def protocol() -> str:
    """The text of protocol.md: the introduction, then each message with a table of its fields."""
    schema = protocol_schema()["$defs"]
    head = (ROOT / "docs" / "reference" / "_protocol-intro.md").read_text(encoding="utf-8")
    lines = [f"# WebSocket protocol\n\n{head.rstrip()}\n\nThe tables below are {GENERATED}."]
    for title, union in (("Client to server", ClientMessage), ("Server to client", ServerMessage)):
        lines.append(f"\n## {title}")
        members: tuple[type[Message], ...] = get_args(get_args(union)[0])
        for message in members:
            lines += _table(schema[message.__name__], message.__name__)
    lines += ["\n## Nested objects", *_table(schema["AudioFormat"], "audio"), *_table(schema["Word"], "word")]
    return "\n".join(lines) + "\n"


def _table(definition: dict[str, Any], name: str) -> list[str]:
    fields = {key: field for key, field in definition["properties"].items() if key != "type"}
    tag = definition["properties"].get("type", {}).get("const", name)
    lines = [f"\n### `{tag}`\n\n{definition['description']}"]
    if fields:
        lines += ["\n| field | type | default | description |\n|---|---|---|---|"]
    for key, field in fields.items():
        default = f"`{field['default']!r}`" if field.get("default") is not None else ""
        lines.append(f"| `{key}` | {_type(field)} | {default} | {field.get('description', '')} |")
    return lines


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(part) for part in field["anyOf"] if part.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "$ref" in field:
        return f"`{field['$ref'].rsplit('/')[-1]}`"
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    bounds = (("minimum", "≥"), ("maximum", "≤"), ("maxLength", "at most"))
    limits = [f"{sign} {field[key]}" for key, sign in bounds if key in field]
    return " ".join([str(field.get("type", "any")), *limits])


if __name__ == "__main__":
    for path, text in generated().items():
        (ROOT / path).write_text(text, encoding="utf-8")
