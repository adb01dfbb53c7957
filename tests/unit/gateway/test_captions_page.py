"""The page that shows the captions of a room."""

from pathlib import Path

import httpx
from fastapi import FastAPI

from gateway.page_files import captions_page_router


async def test_every_room_has_the_same_page_which_browsers_ask_for_each_time(tmp_path: Path) -> None:
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions" / "index.html").write_text("captions", encoding="utf-8")
    app = FastAPI()
    app.include_router(captions_page_router(tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        for path in ("/captions/talk", "/captions/lecture-7?language=en,es&token=read_x"):
            answer = await client.get(path)
            assert (answer.text, answer.headers["cache-control"]) == ("captions", "no-cache")
            assert answer.headers["content-type"].startswith("text/html")
        assert (await client.get("/captions/a/b")).status_code == 404
