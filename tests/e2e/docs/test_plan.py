"""The plan covers every page, and names no command or program that a page lacks."""

import subprocess

import pytest

from tests.e2e.docs.plan import FOLLOWED, NO_STEPS, NOT_FOLLOWED
from tests.paths import ROOT
from tests.testkit.docs.snippets import snippets
from tests.testkit.docs.steps import steps


def pages_with_code() -> set[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    pages = (name for name in names if not name.startswith(NO_STEPS) and (ROOT / name).is_file())
    return {page for page in pages if snippets((ROOT / page).read_text(encoding="utf-8"))}


def test_every_page_with_code_is_followed_or_listed_with_a_reason() -> None:
    assert pages_with_code() - FOLLOWED.keys() - NOT_FOLLOWED.keys() == set()


def test_the_plan_names_only_pages_with_code() -> None:
    assert (FOLLOWED.keys() | NOT_FOLLOWED.keys()) - pages_with_code() == set()
    assert FOLLOWED.keys() & NOT_FOLLOWED.keys() == set()


@pytest.mark.parametrize("page", FOLLOWED)
def test_every_program_of_a_page_is_run_or_listed_and_no_entry_is_left_over(page: str) -> None:
    assert steps(page, (ROOT / page).read_text(encoding="utf-8"), FOLLOWED[page])


def test_tests_that_run_a_page_exist() -> None:
    reasons = " ".join(NOT_FOLLOWED.values()).replace(",", " ").split()
    named = [word for word in reasons if word.startswith("tests/")]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
