"""The codec endpoint: lets Temporal's own UI show plain text to those who may read it."""

import hmac
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, HTTPException
from fastapi.routing import APIRoute
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send
from temporalio.api.common.v1 import Payload, Payloads

from persistence.ciphers import Tampered
from persistence.vault import KeyUnknown
from runtime.codec import CaravanCodec

# Temporal's UI sends the identity token along in the last one; nobody reads it here.
_HEADERS: Final = ("Content-Type", "X-Namespace", "Authorization", "Authorization-Extras")
_METHODS: Final = ["POST", "OPTIONS"]

Document = dict[str, Any]


def codec_router(
    codec: CaravanCodec,
    allowed: Callable[..., object],
    ui_origins: Sequence[str],
    capability: str | None = None,
) -> APIRouter:
    """Mount `POST /codec/decode`, for callers whom the dependency *allowed* lets pass.

    With *capability* (a long secret, in the local profile alone, because the local UI sends no
    token) also `POST /codec/{capability}/decode`.
    """
    router = APIRouter(route_class=_route_for(ui_origins), include_in_schema=False)

    async def decode(body: Annotated[Document, Body()]) -> Document:
        shown = await _shown(codec, _payloads(body))
        return MessageToDict(Payloads(payloads=shown))

    router.add_api_route("/codec/decode", decode, methods=_METHODS, dependencies=[Depends(allowed)])
    if capability is not None:
        router.add_api_route(
            "/codec/{capability}/decode",
            decode,
            methods=_METHODS,
            dependencies=[Depends(_holds(capability))],
        )
    return router


def _route_for(origins: Sequence[str]) -> type[APIRoute]:
    """A route that answers the browser's question whether the UI's origin may ask it."""

    class CodecRoute(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            answering = CORSMiddleware(
                super().handle,
                allow_origins=origins,
                allow_methods=["POST"],
                allow_headers=_HEADERS,
                allow_credentials=True,
            )
            await answering(scope, receive, send)

    return CodecRoute


def _holds(secret: str) -> Callable[[str], None]:
    def holds_capability(capability: str) -> None:
        if not hmac.compare_digest(capability.encode(), secret.encode()):
            raise HTTPException(404)

    return holds_capability


def _payloads(body: Document) -> Sequence[Payload]:
    try:
        return ParseDict(body, Payloads(), ignore_unknown_fields=True).payloads
    except ParseError:
        raise HTTPException(422, "The body must be Temporal's Payloads in JSON.") from None


async def _shown(codec: CaravanCodec, payloads: Sequence[Payload]) -> list[Payload]:
    try:
        return await codec.show(payloads)
    except (KeyUnknown, Tampered) as error:
        raise HTTPException(422, f"Not a payload of this installation: {error}.") from error
