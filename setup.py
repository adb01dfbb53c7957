"""Adds the built page to the package `gateway`. All other settings of the build are in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# `make page` writes it. A wheel that is built without it has no page.
PAGE = Path(__file__).parent / "frontend" / "dist"


class BuildWithPage(build_py):
    """Copies the page into the wheel, so that `nova up` serves it without Node.js. An editable install uses PAGE."""

    def run(self) -> None:
        """Copy the packages, then the page."""
        super().run()
        if PAGE.is_dir() and not self.editable_mode:
            shutil.copytree(PAGE, Path(self.build_lib) / "gateway" / "page", dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithPage})
