"""Joins the code blocks of a page with the table that says how each is treated."""

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.testkit.docs.snippets import Snippet, commands, snippets
from tests.testkit.docs.treatments import NotCommands, Run, Shown, Step, Treatment

SHELL = ("", "bash")


def steps(page: str, text: str, table: Mapping[str, Treatment]) -> list[Step]:
    """The steps of a page. A command without an entry in the table is run.

    Raises ValueError for an entry without a block, and for a program without an entry.
    """
    found = list(_steps(page, text, table))
    if unknown := table.keys() - {step.name for step in found}:
        raise ValueError(f"{page} has no such command or program: {sorted(unknown)}")
    return found


def _steps(page: str, text: str, table: Mapping[str, Treatment]) -> Iterator[Step]:
    programs: Counter[str] = Counter()
    names: Counter[str] = Counter()
    for snippet in snippets(text):
        if snippet.language not in SHELL:
            programs[snippet.language] += 1
            yield _program(page, snippet, programs[snippet.language], table)
        elif isinstance(treatment := table.get(snippet.first), Shown | NotCommands):
            yield Step(page, snippet.line, snippet.first, "", snippet.text, treatment)
        else:
            yield from _commands(page, snippet, table, names)


def _commands(page: str, snippet: Snippet, table: Mapping[str, Treatment], names: Counter[str]) -> Iterator[Step]:
    """The commands of a block. The name of a second command with the same first line ends with "(2)"."""
    for command in commands(snippet.text):
        first = command.partition("\n")[0]
        names[first] += 1
        name = first if names[first] == 1 else f"{first} ({names[first]})"
        yield Step(page, snippet.line, name, "", command, table.get(name, Run()))


def _program(page: str, snippet: Snippet, number: int, table: Mapping[str, Treatment]) -> Step:
    name = f"{snippet.language} {number}"
    if name not in table:
        raise ValueError(f"{page}:{snippet.line}: a program that is neither run nor listed: {name}")
    return Step(page, snippet.line, name, snippet.language, snippet.text, table[name])
