"""The order process as a later version might have it: a step more, at the beginning of a life."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.order.state import OrderState
    from workflows.order import messages as said
    from workflows.order.workflow import OrderWorkflow

PATCH = "a-step-more"


@workflow.defn(name="order")
class OrderOfTomorrow(OrderWorkflow):
    """What runs already goes on without the step; what begins now takes it."""

    @workflow.init
    def __init__(self, placed: said.PlaceOrder) -> None:
        """Begin as today."""
        super().__init__(placed)

    @workflow.run
    async def run(self, placed: said.PlaceOrder) -> OrderState:
        """Take the new step first, then live as today."""
        if workflow.patched(PATCH):
            await workflow.sleep(timedelta(milliseconds=1), summary="tomorrow's step")
        return await super().run(placed)
