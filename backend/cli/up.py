"""`nova up`: start a complete system on this machine."""

import asyncio
import os
from pathlib import Path

import click

from backend.cli.terminal.interrupts import run_interruptible
from backend.local.models import speech_model
from backend.local.models import translation_models as prepare_translation_models
from backend.local.system import Plan, System, running
from backend.service.address import is_loopback


@click.command()
@click.option("--host", envvar="GATEWAY_HOST", default="127.0.0.1", show_default=True, help="Address of the gateways.")
@click.option(
    "--port",
    envvar="GATEWAY_PORT",
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


def _access(plan: Plan, system: System) -> str:
    if system.key:
        return f"Other machines can connect with this API key, which is valid until you press Ctrl-C: {system.key}"
    if is_loopback(plan.host) and os.environ.get("GATEWAY_AUTH", "auto") == "auto":
        return "Only this machine can connect, without an API key. To change this, see docs/howto/manage-api-keys.md."
    return f"Listening on {plan.host}. Access is controlled by GATEWAY_AUTH."


async def _serve(plan: Plan) -> None:
    async with running(plan, lambda line: click.echo(f"  {line}")) as system:
        more = f" (also {', '.join(system.urls[1:])})" if len(system.urls) > 1 else ""
        click.secho(f"\nNova Voice is ready: {system.urls[0]}{more}", bold=True)
        click.echo(_access(plan, system))
        click.echo("Open the page and speak. Press Ctrl-C to stop." + os.linesep)
        await _until_signalled()
        click.echo("Stopping; press Ctrl-C again to stop at once ...")


async def _until_signalled() -> None:
    """Wait until a signal cancels this task. The command then ends normally."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()
