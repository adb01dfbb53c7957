"""The prose linter finds planted idioms in every kind of file and accepts plain sentences."""

import pytest

from tests.lint.prose import RULES_FILE, check, load_rules, main

RULES = load_rules(RULES_FILE.read_text(encoding="utf-8"))

PLANTED = (
    ("docs/page.md", "# Title\n\nWork lies on the lanes until\nsomebody takes it anew.\n", 3),
    ("gateway/a.py", 'def f():\n    """What is known of a session."""\n', 2),
    ("gateway/b.py", "x = 1\n# Who has said stop need not say\n# any more.\n", 2),
    ("gateway/c.py", 'raise ValueError(f"the client {name} has not been heard of late")\n', 1),
    ("tests/unit/test_d.py", "def test_a_letter_is_buried_when_nobody_reads_it():\n    pass\n", 1),
    ("frontend/src/e.ts", "const a = 'it//s';\n// As at first, it goes on.\n", 2),
    ("frontend/src/i18n/en.ts", 'export const en = { empty: "Choose whose sound is heard." };\n', 1),
    ("backend/streams/scripts/f.lua", "local a = 1\n-- ARGV[1]: what a lane holds\n", 2),
    ("infra/g.yaml", "a: b  # the word that all is well\n", 1),
    ("Makefile", "target:  ## write the references anew\n", 1),
)
GOOD = (
    ("docs/page.md", "What do I need? Run `nova anew`, then wait for the job.\n\n    somebody anew\n"),
    ("docs/other.md", "## What is not guaranteed\n\n```sh\nwhoever --upon\n```\n\nPreviews can be dropped.\n"),
    ("gateway/a.py", 'def f():\n    """Return the jobs in flight.\n\n    Raises AudioError.\n    """\n'),
    ("gateway/b.py", "# A dead letter keeps its audio, so that an operator can replay it.\n"),
    ("gateway/c.py", 'raise ValueError("the client did not send audio for 10 s")\nKEY = "lanes"\n'),
    ("tests/unit/test_d.py", 'def test_a_dead_letter_is_replayed():\n    say("whoever is told had better hear it")\n'),
    ("frontend/src/e.ts", "const url = 'http://somebody.example'; // Reconnects with exponential backoff.\n"),
    ("backend/streams/scripts/f.lua", "-- KEYS[1]: the stream of final jobs\n"),
    ("infra/g.yaml", "lane: anew  # seconds between two health checks\n"),
    ("Makefile", "whoever: upon\n\techo anew  # print a line\n"),
)


@pytest.mark.parametrize(("path", "text", "line"), PLANTED, ids=[path for path, _, _ in PLANTED])
def test_a_planted_idiom_is_found_with_its_line_and_a_suggestion(path: str, text: str, line: int) -> None:
    findings = check(path, text, RULES)
    assert line in [finding.line for finding in findings]
    assert all(finding.suggestion and str(finding).startswith(f"{path}:") for finding in findings)


@pytest.mark.parametrize(("path", "text"), GOOD, ids=[path for path, _ in GOOD])
def test_plain_sentences_code_and_data_are_accepted(path: str, text: str) -> None:
    assert check(path, text, RULES) == []


def test_a_phrase_that_a_line_break_divides_is_found_where_it_begins() -> None:
    (finding,) = check("a.md", "The worker had seen it. The timeout is of\nno concern here.\n", RULES)
    assert (finding.line, finding.phrase) == (1, "of no concern")


def test_the_repository_contains_no_forbidden_idiom(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0, capsys.readouterr().out
