"""The order of events and the waiting."""

from workflows.aftercare.workflow import AftercareWorkflow
from workflows.order.workflow import OrderWorkflow
from workflows.payout.workflow import PayoutCycleWorkflow, PayoutWorkflow

ALL = (OrderWorkflow, PayoutWorkflow, PayoutCycleWorkflow, AftercareWorkflow)
