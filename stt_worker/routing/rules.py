"""The rules of `STT_ROUTES`: which audio goes to which model. Pure."""

import re
from dataclasses import dataclass

from backend.errors import ModelError
from backend.messages.languages import LANGUAGES

_CODES = frozenset(language.whisper for language in LANGUAGES if language.whisper)
_CONDITION = re.compile(r"(?P<languages>\*|[a-z]{2,3}(?:,[a-z]{2,3})*)(?:<(?P<seconds>\d+(?:\.\d+)?))?")


@dataclass(frozen=True, slots=True)
class RouteRule:
    """The audio that a model recognizes.

    `languages`: Whisper's codes; empty: all that the model knows. `below_s`: only audio that is shorter; None: any.
    """

    languages: frozenset[str] = frozenset()
    below_s: float | None = None

    @property
    def text(self) -> str:
        """The rule as it is written in the setting."""
        languages = ",".join(sorted(self.languages)) or "*"
        return languages if self.below_s is None else f"{languages}<{self.below_s:g}"


def parse_routes(setting: str) -> list[tuple[RouteRule, str]]:
    """Read rules and the names of their models from "en<3=NAME; zh,ja=NAME". Raises ModelError."""
    return [_parse_route(route.strip()) for route in setting.split(";") if route.strip()]


def _parse_route(route: str) -> tuple[RouteRule, str]:
    condition, _, model = (part.strip() for part in route.partition("="))
    found = _CONDITION.fullmatch(condition)
    if not found or not model or (found["seconds"] and not float(found["seconds"])):
        raise ModelError(f"STT_ROUTES: {route!r} is not LANGUAGES=MODEL or LANGUAGES<SECONDS=MODEL")
    named = found["languages"]
    languages = frozenset() if named == "*" else frozenset(named.split(","))
    if unknown := languages - _CODES:
        raise ModelError(f"STT_ROUTES has unknown languages: {', '.join(sorted(unknown))}")
    seconds = found["seconds"]
    return RouteRule(languages, float(seconds) if seconds else None), model
