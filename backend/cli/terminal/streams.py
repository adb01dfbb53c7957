"""Standard output and standard error with any encoding, also after the reader has closed the pipe."""

import io
import json
import os
import sys

import click


def replace_unknown_characters() -> None:
    """Print "?" for characters that the encoding of standard output lacks, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def discard_output() -> None:
    """Write to nowhere from now on. Python would report the closed pipe again when it flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def echo_json(text: str) -> None:
    """Print JSON. Characters that the encoding of standard output lacks are escaped, so that none is lost."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = "".join(char if char.isascii() else json.dumps(char)[1:-1] for char in text)
    click.echo(text)
