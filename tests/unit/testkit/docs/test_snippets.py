"""Code blocks of a page, and the commands in them."""

import pytest

from tests.testkit.docs.snippets import commands, snippets

PAGE = """# Title

1. Install it:

       make run
       make test

   A sentence that continues the item.
   - An inner item
     that continues

2. Save this:

    ```python
    if True:
        print(1)
    ```

Text.

    curl http://host \\
      -F a=b

    curl http://host/2

```js
a();
```
"""


def test_indented_and_fenced_blocks_are_found_also_in_lists() -> None:
    found = [(one.line, one.language, one.text) for one in snippets(PAGE)]
    assert found == [
        (5, "", "make run\nmake test"),
        (15, "python", "if True:\n    print(1)"),
        (21, "", "curl http://host \\\n  -F a=b\n\ncurl http://host/2"),
        (27, "js", "a();"),
    ]


def test_indented_text_that_continues_a_paragraph_is_no_block() -> None:
    assert snippets("- one\n\n  more text\n\nText\n    continued") == []


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("make run\nmake test", ["make run", "make test"]),
        ("curl a \\\n  -F b\ncurl c", ["curl a \\\n  -F b", "curl c"]),
        ("{ echo 1\n  sleep 2\n} | cat", ["{ echo 1\n  sleep 2\n} | cat"]),
        ("nova up          start the whole system", ["nova up"]),
        ("nova doctor # checks", ["nova doctor # checks"]),
    ],
)
def test_a_block_is_divided_into_commands(block: str, expected: list[str]) -> None:
    assert commands(block) == expected


def test_a_block_that_is_no_shell_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot read"):
        commands("for one in two; do")
