"""Tables of commands, when stdout is a file or a pipe."""

import pytest

from backend.cli.terminal.tables import console, new_table

PATH = "/models" + "/long-folder" * 300


def test_a_path_is_not_divided_and_short_cells_are_not_wider(capsys: pytest.CaptureFixture[str]) -> None:
    table = new_table()
    table.add_column("name")
    table.add_column("where", overflow="fold")
    table.add_row("whisper-base", PATH)
    console().print(table)
    _, row = capsys.readouterr().out.splitlines()
    assert row.split() == ["whisper-base", PATH]
    assert len(row) < len(PATH) + 20
