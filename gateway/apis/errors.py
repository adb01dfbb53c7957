"""The error of a request that cannot be served as it is. Pure."""

from backend.errors import ClientError


class InvalidRequestError(ClientError):
    """A request is invalid or asks for something that is not served. `status` is the HTTP status.

    `param` is the parameter at fault, if there is one.
    """

    def __init__(self, message: str, *, code: str, status: int = 400, param: str | None = None) -> None:
        super().__init__(message, code=code)
        self.status, self.param = status, param
