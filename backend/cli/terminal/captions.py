"""Live captions in a terminal: the current utterance below the finals."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from backend.messages.protocol import Final, Partial, ServerMessage, Translation


class Captions:
    """Converts events to lines. Pure."""

    def __init__(self) -> None:
        # The current utterance: committed words bright, tentative ones dim.
        self.current = Text()
        self._utterance = 0

    def apply_event(self, event: ServerMessage) -> Text | None:
        """Apply an event. Returns the line that a final or a translation adds, or None."""
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


class CaptionScreen:
    """Shows captions. Create it with `caption_screen`."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self._console, self._live = console, live
        self._captions = Captions()

    def show(self, event: ServerMessage) -> None:
        """Print finals and translations; on a terminal, also update the current utterance."""
        if line := self._captions.apply_event(event):
            self._console.print(line, soft_wrap=True)
        if self._live:
            self._live.update(self._captions.current, refresh=True)


@contextmanager
def caption_screen() -> Iterator[CaptionScreen]:
    """Show live captions on a terminal. In a file or a pipe, print only finals and translations."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield CaptionScreen(console, None)
        return
    with Live(Text(), console=console, auto_refresh=False, transient=True) as live:
        yield CaptionScreen(console, live)
