"""`nova simulate-call`: try telephone calls without a telephone."""

import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import get_args

import click

from backend.cli.calls.call_audio import CallAudio
from backend.cli.calls.doors.door import CallOptions, Through
from backend.cli.calls.doors.opening import ONE_SPEAKER, open_audiosocket, open_call
from backend.cli.calls.output import CallOutput
from backend.cli.calls.play import play
from backend.cli.calls.recordings import CallFiles, read_call
from backend.cli.calls.timeline import CallTimeline
from backend.cli.options import find_or_start_option, key_option, language_option, targets_option
from backend.cli.terminal.interrupts import run_interruptible
from backend.local.discovery import find_or_start_server, print_status

DEFAULT_SNR_DB = 10.0


def _host_and_port(_: click.Context, __: click.Parameter, value: str) -> str:
    host, _separator, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise click.BadParameter("give a host and a port: 127.0.0.1:9092")
    return value


@click.command("simulate-call")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--other", type=click.Path(path_type=Path), metavar="FILE", help="A recording of the second speaker.")
@click.option(
    "--barge-in",
    "barge_in_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="The second speaker begins this long before the first one ends. Default: 0.5 s after it. Needs --other.",
)
@click.option("--noise", type=click.Path(path_type=Path), metavar="FILE", help="Noise on the line of each speaker.")
@click.option(
    "--snr",
    "snr_db",
    type=click.FloatRange(-20, 60),
    metavar="DB",
    help=f"Level of the speech above the noise. Default: {DEFAULT_SNR_DB:g} dB.",
)
@click.option(
    "--through",
    type=click.Choice(get_args(Through)),
    default="twilio",
    show_default=True,
    help="Whose messages are sent. `native`: the same audio through /v1/stream, for comparison.",
)
@click.option(
    "--twilio-token", envvar="GATEWAY_TWILIO_TOKEN", metavar="TOKEN", default="", help="Sign the call as Twilio does."
)
@click.option(
    "--audiosocket",
    metavar="HOST:PORT",
    default="127.0.0.1:9092",
    show_default=True,
    callback=_host_and_port,
    help="The port of `--through audiosocket`.",
)
@click.option("--room", metavar="NAME", default="", help="Publish the call in this room: others can read it.")
@language_option
@targets_option
@find_or_start_option
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
def simulate_call(
    file: Path,
    other: Path | None,
    barge_in_s: float | None,
    noise: Path | None,
    snr_db: float | None,
    through: Through,
    twilio_token: str,
    audiosocket: str,
    room: str,
    spoken: tuple[str, ...],
    targets: tuple[str, ...],
    server: str | None,
    key: str,
    as_json: bool,
) -> None:
    """Play a recording as a telephone call, in real time, and print who said what and how late the text was.

    The channels of a stereo FILE are two speakers, the caller and the callee. FILE may be any audio or video. The sound
    is that of telephone networks: 8 kHz, mu-law. Exit status 1: an utterance has no text.
    """
    if barge_in_s is not None and not other:
        raise click.UsageError("--barge-in needs a second speaker: use --other FILE")
    if snr_db is not None and not noise:
        raise click.UsageError("--snr needs a recording of noise: use --noise FILE")
    call = read_call(CallFiles(file, other, noise), barge_in_s, DEFAULT_SNR_DB if snr_db is None else snr_db)
    output = CallOutput(CallTimeline(call.activity), as_json=as_json)
    if through in ONE_SPEAKER and len(call.speakers) > 1:
        raise click.UsageError(f"--through {through} streams one speaker: use another door, or a mono FILE alone")
    options = CallOptions(len(call.speakers), spoken, targets, twilio_token, audiosocket, room)
    run_interruptible(_play(call, options, through, output, server, key))
    output.finish()
    if output.problems:
        sys.exit(1)


async def _play(
    call: CallAudio, options: CallOptions, through: Through, output: CallOutput, address: str | None, key: str
) -> None:
    async with AsyncExitStack() as stack:
        if through == "audiosocket":
            door = await stack.enter_async_context(open_audiosocket(options))
        else:
            finding = find_or_start_server(address, model=None, translate=bool(options.targets))
            server = await stack.enter_async_context(finding)
            door = await stack.enter_async_context(open_call(through, server.with_key(key), options))
        people = "one speaker" if options.speakers == 1 else f"{options.speakers} speakers"
        print_status(f"playing a call of {call.length_s:.1f} s with {people} through {through}")
        await play(door, call, output.timeline, output.show)
