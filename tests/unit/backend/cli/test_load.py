"""Options of `nova load`."""

import pytest
from click.testing import CliRunner

from backend.cli.load import load


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("[1]", "the options are no JSON object"),
        ('{"speaker": true}', "`start` has no option speaker"),
        ('{"turn_threshold": 7}', "turn_threshold must be at most 1.0"),
        ("{x", "Expecting property name"),
    ],
)
def test_wrong_options_of_the_sessions_are_refused(options: str, reason: str) -> None:
    result = CliRunner().invoke(load, ["--start", options])
    assert result.exit_code == 2
    assert reason in result.output
