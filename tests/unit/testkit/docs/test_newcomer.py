"""The user who follows a page notices commands and programs that do not work."""

import os
from pathlib import Path

import pytest

from tests.testkit.docs.newcomer import Newcomer, says
from tests.testkit.docs.steps import steps
from tests.testkit.docs.treatments import Fragment, NotRun, Run, Saved, Shown, Treatment


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path, os.environ, {"SERVER": "localhost"}, "A good day")


def follow(newcomer: Newcomer, page: str, table: dict[str, Treatment] | None = None) -> None:
    newcomer.follow(steps("page.md", page, table or {}), newcomer.folder)


def test_the_folder_stays_between_commands_and_texts_are_replaced(newcomer: Newcomer) -> None:
    follow(newcomer, "    mkdir a && cd a\n    pwd; echo SERVER\n\nText\n\n    localhost\n", {"localhost": Shown()})
    assert newcomer.output.splitlines()[0].endswith("/a")


@pytest.mark.parametrize(
    ("page", "table", "problem"),
    [
        ("    exit 3", {}, "page.md:1: exit 3\nexit status 3"),
        ("    false | cat", {}, "exit status 1"),
        ("    echo a", {"echo a": Run("b")}, "no 'b' in"),
        ("    echo a", {"echo a": Run(says_clip=True)}, "not the spoken words"),
        ("    echo a\n\nText\n\n    b", {"b": Shown()}, "this line was not printed: b"),
        ("```python\n1 / 0\n```", {"python 1": Fragment()}, "ZeroDivisionError"),
        ("    true", {"true": Run(status=1)}, "exit status 0"),
    ],
)
def test_what_does_not_work_is_reported_with_its_place(
    newcomer: Newcomer, page: str, table: dict[str, Treatment], problem: str
) -> None:
    with pytest.raises(AssertionError, match=problem):
        follow(newcomer, page, table)


def test_a_saved_program_is_run_by_a_later_command(newcomer: Newcomer) -> None:
    follow(newcomer, "```python\nprint('a GOOD day')\n```\n\n    python3 a.py", {"python 1": Saved("a.py")})
    assert newcomer.output == "a GOOD day\n"


def test_a_fragment_continues_an_earlier_block_and_may_await(newcomer: Newcomer) -> None:
    page = "```python\nimport asyncio\n```\n\n```python\nawait asyncio.sleep(0)\nprint(word, 'good day')\n```"
    fragment = Fragment(before="word = 'a'", continues=("python 1",))
    follow(newcomer, page, {"python 1": Fragment(says_clip=False), "python 2": fragment})
    assert newcomer.output == "a good day\n"


def test_an_endless_command_is_interrupted(newcomer: Newcomer) -> None:
    command = "python3 -c \"import time; print('ready', flush=True); time.sleep(60)\""
    follow(newcomer, f"    {command}", {command: Run("ready", status=-2, endless=True)})
    assert "ready" in newcomer.output


def test_a_command_that_is_not_run_does_nothing(newcomer: Newcomer) -> None:
    follow(newcomer, "    touch a", {"touch a": NotRun("a reason")})
    assert not (newcomer.folder / "a").exists()


def test_half_of_the_words_are_enough() -> None:
    assert says("1\n00:00 --> 00:01\nGood, day", "A good day!")
    assert not says("an evening", "A good day")
