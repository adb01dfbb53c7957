"""The folder of the built web page, which the gateway serves."""

from pathlib import Path

_PACKAGES = Path(__file__).parents[2]
# In a wheel (setup.py), and in a checkout (`make page`).
_FOLDERS = (_PACKAGES / "gateway" / "page", _PACKAGES / "frontend" / "dist")


def page_folder() -> Path:
    """The folder with the page. If there is none: where `make page` writes it."""
    return next((folder for folder in _FOLDERS if (folder / "index.html").is_file()), _FOLDERS[-1])
