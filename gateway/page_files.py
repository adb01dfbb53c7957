"""The files of the web page, with the time that browsers may keep them."""

import os
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

# The build puts a hash of the content into these names, so a file never changes.
HASHED = "assets/"


class PageFiles(StaticFiles):
    """Browsers keep hashed files, and ask for the others again each time.

    The page needs the audio worklet only when the user presses Start. With a kept copy, recording begins and speech is
    kept even if the gateway is restarting at that moment.
    """

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        is_hashed = self.get_path(scope).replace(os.sep, "/").startswith(HASHED)
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
        return response


def captions_page_router(page_dir: Path) -> APIRouter:
    """`/captions/{room}`: one page for all rooms, which reads the room and its options from its own address."""
    router = APIRouter()

    @router.get("/captions/{room}")
    async def captions_page(room: str) -> FileResponse:
        return FileResponse(page_dir / "captions" / "index.html", headers={"cache-control": "no-cache"})

    return router
