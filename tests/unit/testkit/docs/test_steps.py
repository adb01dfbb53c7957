"""A command is run unless the table says otherwise. A program must be in the table."""

import pytest

from tests.testkit.docs.steps import steps
from tests.testkit.docs.treatments import Fragment, NotCommands, NotRun, Run, Shown, Treatment

PAGE = "    make run\n    make run\n\nText\n\n    It is ready\n\n```python\npass\n```\n"
TABLE: dict[str, Treatment] = {"It is ready": Shown(), "python 1": Fragment()}


def test_commands_are_run_by_default() -> None:
    found = steps("page.md", PAGE, TABLE)
    assert [(step.name, step.treatment) for step in found] == [
        ("make run", Run()),
        ("make run (2)", Run()),
        ("It is ready", Shown()),
        ("python 1", Fragment()),
    ]


def test_a_program_that_is_neither_run_nor_listed_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"page.md:9: .*python 1"):
        steps("page.md", PAGE, {"It is ready": Shown()})


def test_an_entry_without_a_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="make all"):
        steps("page.md", PAGE, {**TABLE, "make all": NotRun("a reason")})


def test_a_block_without_commands_is_one_step() -> None:
    (step,) = steps("page.md", "    A=1\n    B=2\n", {"A=1": NotCommands("settings")})
    assert step.text == "A=1\nB=2"
