"""Messages of providers: verified, committed, acknowledged; what they mean is found out later."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.asking import problems
from api.deps import Use

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/stripe", status_code=204, responses=problems(400))
async def payment_news(request: Request, use: Use) -> Response:
    """Take a message of the payment provider."""
    await use.intake.payment(request.headers, await request.body())
    return Response(status_code=204)


@router.post("/easypost", status_code=204, responses=problems(400))
async def tracking_news(request: Request, use: Use) -> Response:
    """Take a message of the tracking provider."""
    await use.intake.tracking(request.headers, await request.body())
    return Response(status_code=204)
