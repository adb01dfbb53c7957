"""Extracts the code blocks of a Markdown page, and the commands of a block."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^ *```(\w*)")
_LIST_ITEM = re.compile(r"^ *(?:[-*]|\d+\.) +")
_INDENT = 4
# In a list of commands, spaces separate a command from its description.
_DESCRIPTION = re.compile(r"(?<=\S) {3,}(?=\S)")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A code block. `language` is that of its fence, or "" for an indented block. `line` is its first line, from 1."""

    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        """The first line of the text."""
        return self.text.partition("\n")[0]


def snippets(page: str) -> list[Snippet]:
    """All code blocks of a page, in order."""
    lines = page.splitlines()
    spans = _spans(lines)
    return [Snippet(start + 1, language, _dedented(lines[start:end])) for start, end, language in spans]


def _spans(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """The first line, the line after the last one, and the language of each block."""
    number, content = 0, 0  # `content`: indentation of the content of the current list item
    while number < len(lines):
        line, after_blank = lines[number], number == 0 or not lines[number - 1].strip()
        if fence := _FENCE.match(line):
            end = next(n for n in range(number + 1, len(lines)) if _FENCE.match(lines[n]))
            yield number + 1, end, fence[1]
            number = end
        elif item := _LIST_ITEM.match(line):
            content = item.end()
        elif line.strip() and after_blank:
            content = content if _indentation(line) >= content else 0
            if _indentation(line) >= content + _INDENT:
                end = _end_of_indented(lines, number, content + _INDENT)
                yield number, end, ""
                number = end - 1
        number += 1


def _end_of_indented(lines: list[str], start: int, indentation: int) -> int:
    """The line after the last one of an indented block. Blank lines do not end it."""
    end = start
    for number in range(start, len(lines)):
        if lines[number].strip() and _indentation(lines[number]) < indentation:
            break
        end = number + 1 if lines[number].strip() else end
    return end


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _dedented(lines: list[str]) -> str:
    indentation = min((_indentation(line) for line in lines if line.strip()), default=0)
    return "\n".join(line[indentation:].rstrip() for line in lines)


def commands(text: str) -> list[str]:
    """The commands of a shell block. Some span several lines. The descriptions of a list of commands are removed."""
    found, open_lines = [], ""
    for line in text.splitlines():
        open_lines += f"{_DESCRIPTION.split(line, maxsplit=1)[0]}\n"
        if open_lines.strip() and not line.endswith("\\") and _is_complete(open_lines):
            found.append(open_lines.strip())
            open_lines = ""
    if open_lines.strip():
        raise ValueError(f"the shell cannot read this command: {open_lines}")
    return found


def _is_complete(command: str) -> bool:
    """Whether bash can parse it."""
    return subprocess.run(["bash", "-n", "-c", command], stderr=subprocess.DEVNULL, check=False).returncode == 0
