"""Routes of rooms report errors as JSON."""

from collections.abc import Awaitable, Callable

from fastapi import Request, Response

from backend.errors import NovaError
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.apis.native.routes import refusal

Route = Callable[[Request], Awaitable[Response]]


def reporting_errors(work: Route) -> Route:
    """The route, which answers with errors of rooms and of Redis."""

    async def route(request: Request) -> Response:
        try:
            return await work(request)
        except (NovaError, *REDIS_ERRORS) as error:
            return refusal(error)

    return route
