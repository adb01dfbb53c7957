"""`nova up`: start a complete system on this machine."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import click

from backend.cli.diagnostics.software import built_page
from backend.cli.terminal.interrupts import run_interruptible
from backend.errors import SetupError
from backend.local.discovery import NoServerError, system_at
from backend.local.models import speech_model
from backend.local.models import translation_models as prepare_translation_models
from backend.local.processes import bound_socket
from backend.local.run_file import RunFile, announced
from backend.local.system import Plan, System, running
from backend.service.address import hosts_for_others, is_loopback, join_host_port


@click.command()
@click.option("--host", envvar="GATEWAY_HOST", default="127.0.0.1", show_default=True, help="Address of the gateways.")
@click.option(
    "--port",
    envvar="GATEWAY_PORT",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port of the first gateway, with the page and the API.",
)
@click.option("--model", envvar="STT_MODEL", default="auto", show_default=True, help="Speech model: name or directory.")
@click.option(
    "--translation-models",
    envvar="TRANSLATION_MODELS",
    default="auto",
    show_default=True,
    help="Translation models: names or directories, separated by commas.",
)
@click.option("--gateways", default=1, show_default=True, help="Number of gateways.")
@click.option("--stt-workers", default=1, show_default=True, help="Number of STT workers.")
@click.option("--translation-workers", default=1, show_default=True, help="Number of translation workers.")
@click.option("--redis-url", envvar="REDIS_URL", default=None, help="Redis or Valkey. Default: a private one.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for the logs. Default: logs are deleted at exit.",
)
def up(
    host: str,
    port: int,
    model: str,
    translation_models: str,
    gateways: int,
    stt_workers: int,
    translation_workers: int,
    redis_url: str | None,
    logs: Path | None,
) -> None:
    """Start a complete system on this machine: Redis, gateway and workers.

    Downloads missing models, waits until the system is ready, and prints the address of the page. Ctrl-C stops
    everything. The services read their settings (see .env.example) from the environment.
    """
    _check_address(host, port)
    plan = Plan(
        stt_model=speech_model(model),
        translation_models=prepare_translation_models(translation_models) if translation_workers else "",
        host=host,
        port=port,
        gateways=gateways,
        stt_workers=stt_workers,
        translation_workers=translation_workers,
        redis_url=redis_url,
        logs=logs,
    )
    run_interruptible(_serve(plan))


def _check_address(host: str, port: int) -> None:
    """Raise SetupError if the first gateway cannot listen there, before anything is downloaded or started."""
    try:
        bound_socket(host, port).close()
    except SetupError as error:
        if own := _own_system(host, port):
            hint = "To start another one, choose its port with --port or GATEWAY_PORT"
            raise SetupError(f"Nova Voice is already running: {own}. {hint}") from None
        raise SetupError(f"{error.message}. Choose another address with --port (GATEWAY_PORT) or --host") from None


def _own_system(host: str, port: int) -> RunFile | None:
    """The system of this user at an address, or None, also if no server can have this address."""
    try:
        return system_at(join_host_port(host, port))
    except NoServerError:
        return None


def _describe_access(plan: Plan, system: System) -> list[str]:
    """The addresses for other machines, and the key that they need."""
    auth = plan.setting("GATEWAY_AUTH", "auto")
    needs_key = auth == "keys" or (auth == "auto" and not is_loopback(plan.host))
    if system.key:
        key = f"An API key is required. This one is valid until you press Ctrl-C: {system.key}"
    elif needs_key:
        key = "An API key is required: create one with `nova keys create`."
    else:
        key = "No API key is required."
    if is_loopback(plan.host):
        return [f"Only this machine can connect. {key} To let others connect, use --host 0.0.0.0 (GATEWAY_HOST)."]
    return [f"Other machines can connect: {_addresses_for_others(plan, system)}", key, *_describe_microphone(plan)]


def _addresses_for_others(plan: Plan, system: System) -> str:
    parts = [urlsplit(url) for url in system.urls]
    hosts = hosts_for_others(plan.host) or ["ADDRESS-OF-THIS-MACHINE"]
    return ", ".join(f"{each.scheme}://{join_host_port(host, each.port or 0)}" for each in parts for host in hosts)


def _describe_microphone(plan: Plan) -> list[str]:
    """Browsers allow the microphone only in a secure context (https://www.w3.org/TR/secure-contexts/)."""
    if plan.setting("GATEWAY_TLS_CERT"):
        return []
    return [
        "Browsers on other machines do not allow the microphone, because the page is not served over https: set "
        "GATEWAY_TLS_CERT and GATEWAY_TLS_KEY to a certificate and its key (PEM files)."
    ]


def _next_step() -> str:
    if built_page():
        return "Open the page and speak. Press Ctrl-C to stop."
    return (
        "There is no page, because it has not been built: install Node.js 20 or later and run `make page`.\n"
        "Until then, use `nova mic`, `nova transcribe` or the API. Press Ctrl-C to stop."
    )


async def _serve(plan: Plan) -> None:
    async with running(plan, lambda line: click.echo(f"  {line}")) as system:
        with announced(system):
            more = f" (also {', '.join(system.urls[1:])})" if len(system.urls) > 1 else ""
            click.secho(f"\nNova Voice is ready: {system.urls[0]}{more}", bold=True)
            for line in (*_describe_access(plan, system), _next_step()):
                click.echo(line)
            click.echo()
            await _until_signalled()
        click.echo("Stopping; press Ctrl-C again to stop at once ...")


async def _until_signalled() -> None:
    """Wait until a signal cancels this task. The command then ends normally."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()
