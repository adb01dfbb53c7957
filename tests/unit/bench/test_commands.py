"""Every benchmark that is a command can be imported and describes its options."""

import importlib
import pkgutil

import click
import pytest
from click.testing import CliRunner

from tests import bench

_NAMES = [f"tests.bench.{module.name}" for module in pkgutil.iter_modules(bench.__path__) if not module.ispkg]


@pytest.mark.parametrize("name", [*_NAMES, "tests.bench.peers.__main__"])
def test_the_command_describes_its_options(name: str) -> None:
    command = importlib.import_module(name).main

    if isinstance(command, click.Command):  # the others have no options, or are scripts for a GPU
        result = CliRunner().invoke(command, ["--help"])
        assert result.exit_code == 0
        assert "Usage:" in result.output
    else:
        assert callable(command)
