"""How long browsers may keep the files of the page."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.page_files import PageFiles


@pytest.mark.parametrize(
    ("path", "kept"),
    [("/", "no-cache"), ("/favicon.svg", "no-cache"), ("/assets/a-1f.js", "public, max-age=31536000, immutable")],
)
async def test_only_files_with_a_hash_in_their_name_are_kept(tmp_path: Path, path: str, kept: str) -> None:
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "favicon.svg", "assets/a-1f.js"):
        (tmp_path / name).write_text("x")
    app = FastAPI()
    app.mount("/", PageFiles(directory=tmp_path, html=True))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        assert (await client.get(path)).headers["cache-control"] == kept
