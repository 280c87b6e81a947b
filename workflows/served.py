"""Every process that a worker serves.

Apart from the package itself: each execution imports its own module anew, and the package with it.
"""

from workflows.aftercare.workflow import AftercareWorkflow
from workflows.chargeback.workflow import ChargebackWorkflow
from workflows.dispute.workflow import DisputeWorkflow
from workflows.fx.workflow import FxRatesWorkflow
from workflows.order.workflow import OrderWorkflow
from workflows.payout.workflow import PayoutCycleWorkflow, PayoutWorkflow
from workflows.purchase.workflow import PurchaseWorkflow
from workflows.repayment.workflow import RepaymentWorkflow
from workflows.upkeep.carriage import CarriageCheckWorkflow
from workflows.upkeep.workflow import BooksCheckWorkflow, SweepWorkflow

ALL = (
    OrderWorkflow,
    PurchaseWorkflow,
    DisputeWorkflow,
    PayoutWorkflow,
    PayoutCycleWorkflow,
    AftercareWorkflow,
    RepaymentWorkflow,
    ChargebackWorkflow,
    SweepWorkflow,
    BooksCheckWorkflow,
    FxRatesWorkflow,
    CarriageCheckWorkflow,
)
