"""EasyPost's error envelope."""

from typing import Final

from sandbox.store import Json

UNPROCESSABLE: Final = 422


class EasyPostError(Exception):
    """An answer in EasyPost's error envelope."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"code": code, "message": message, "errors": []}}


def unknown() -> EasyPostError:
    return EasyPostError(404, "NOT_FOUND", "The requested resource could not be found.")


def refused(code: str, message: str) -> EasyPostError:
    """What was understood and cannot be done."""
    return EasyPostError(UNPROCESSABLE, code, message)
