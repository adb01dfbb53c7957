"""`nova up`: everything on this machine, with one command."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import click

from backend.local.models import speech_model, translation_models
from backend.local.system import Plan, System, running
from backend.service.address import is_loopback


@click.command()
@click.option("--host", envvar="GATEWAY_HOST", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", envvar="GATEWAY_PORT", default=8080, show_default=True, help="Port of the page and the API.")
@click.option(
    "--model", envvar="STT_MODEL", default="auto", show_default=True, help="Speech model: a name or directory."
)
@click.option(
    "--translation-models",
    envvar="TRANSLATION_MODELS",
    default="auto",
    show_default=True,
    help="Translation models: names or directories, separated by commas.",
)
@click.option("--gateways", default=1, show_default=True, help="How many gateways to start.")
@click.option("--stt-workers", default=1, show_default=True, help="How many speech-to-text workers to start.")
@click.option("--translation-workers", default=1, show_default=True, help="How many translation workers to start.")
@click.option("--redis-url", envvar="REDIS_URL", default=None, help="A Redis or Valkey of yours; else a private one.")
@click.option(
    "--logs", type=click.Path(path_type=Path, file_okay=False), help="Keep the services' logs in this directory."
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
    """Start everything on this machine: Redis, gateway, workers.

    Fetches the models that are missing, waits until all is ready, and prints the page's address. Ctrl-C stops it all.
    Every setting of the services (see .env.example) is read from the environment.
    """
    plan = Plan(
        stt_model=speech_model(model),
        translation_models=_translation(translation_models, translation_workers),
        host=host,
        port=port,
        gateways=gateways,
        stt_workers=stt_workers,
        translation_workers=translation_workers,
        redis_url=redis_url,
        logs=logs,
    )
    asyncio.run(_serve(plan))


def _translation(wanted: str, workers: int) -> str:
    return translation_models(wanted) if workers else ""


def _who(plan: Plan, system: System) -> str:
    if system.key:
        return f"Other machines can connect, with this key, which is good until Ctrl-C: {system.key}"
    if is_loopback(plan.host) and os.environ.get("GATEWAY_AUTH", "auto") == "auto":
        return "Only this machine can connect, without an API key. To change this, see docs/howto/manage-api-keys.md."
    return f"It listens on {plan.host}; GATEWAY_AUTH says who may come in."


async def _serve(plan: Plan) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(plan, lambda line: click.echo(f"  {line}")) as system:
        more = f" (also {', '.join(system.urls[1:])})" if len(system.urls) > 1 else ""
        click.secho(f"\nNova Voice is ready: {system.urls[0]}{more}", bold=True)
        click.echo(_who(plan, system))
        click.echo("Open the page and speak. Ctrl-C stops everything." + os.linesep)
        await stop.wait()
        click.echo("Stopping ...")
