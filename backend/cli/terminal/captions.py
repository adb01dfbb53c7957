"""Live captions in a terminal: firm words, dim words, and above them the lines that stand for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from backend.messages.protocol import Final, Partial, ServerMessage, Translation


class Captions:
    """Events in, lines out. Pure."""

    def __init__(self) -> None:
        self.current = Text()
        """What is being said: committed words firm, tentative ones dim."""
        self._utterance = 0

    def take(self, event: ServerMessage) -> Text | None:
        """The line that an event adds for good; None for most."""
        match event:
            case Partial():
                self._utterance = event.utterance
                self.current = Text.assemble(event.committed, (event.tentative, "dim"))
            case Final():
                if event.utterance >= self._utterance:
                    self.current = Text()
                return Text(event.text) if event.text else None
            case Translation(is_final=True):
                return Text(f"  {event.language}: {event.text}", "cyan")
        return None


class Screen:
    """Where captions are shown. Made by `screen`."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self._console, self._live = console, live
        self._captions = Captions()

    def show(self, event: ServerMessage) -> None:
        """Print what stands for good; on a terminal, show what is being said beneath."""
        if line := self._captions.take(event):
            self._console.print(line, soft_wrap=True)
        if self._live:
            self._live.update(self._captions.current, refresh=True)


@contextmanager
def screen() -> Iterator[Screen]:
    """Live on a terminal; elsewhere only what stands for good, a line each."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield Screen(console, None)
        return
    with Live(Text(), console=console, auto_refresh=False, transient=True) as live:
        yield Screen(console, live)
