"""Composition: the one room that knows everything binds each port to its adapter."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.runtime import Runtime
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from activities.aftercare import AftercareActivities
from activities.amount import AmountActivities
from activities.attempts import AttemptActivities
from activities.beating import Beating
from activities.capture import CaptureActivities
from activities.carriage_check import CarriageCheckActivities
from activities.chargeback import ChargebackActivities
from activities.consent import ConsentActivities
from activities.courier_desk import CourierDesk
from activities.dispute import DisputeActivities
from activities.dispute_money import DisputeMoneyActivities
from activities.escrow import EscrowActivities
from activities.failures import TypedFailures
from activities.fraud import FraudActivities
from activities.fx import FxActivities
from activities.label_desk import LabelDesk
from activities.online import OnlineActivities
from activities.order import OrderActivities
from activities.payment import PaymentActivities
from activities.payout import PayoutActivities
from activities.payout_operator import PayoutOperatorActivities
from activities.purchase import PurchaseActivities
from activities.purchase_amount import PurchaseAmountActivities
from activities.purchase_attempts import PurchaseAttemptActivities
from activities.purchase_care import PurchaseCareActivities
from activities.purchase_payment import PurchasePaymentActivities
from activities.reconciliation import ReconciliationActivities
from activities.refund import RefundActivities
from activities.repayment import RepaymentActivities
from activities.return_label import ReturnLabelActivities
from activities.shipment import ShipmentActivities
from activities.standing import StandingActivities
from activities.upkeep import UpkeepActivities
from adapters.documents.pdf import PdfPress
from adapters.fx.ecb import OWN_ADDRESS, EcbRates
from adapters.fx.port import RateSource
from adapters.logistics.easypost import EasyPostTracking
from adapters.logistics.easypost_shipping import EasyPostShipping
from adapters.logistics.port import ShippingProvider, TrackingProvider
from adapters.notification.port import Post
from adapters.notification.smtp import SmtpPost
from adapters.notification.webhook import WebhookCaller
from adapters.payment.port import PaymentGateway
from adapters.payment.stripe import StripeGateway
from persistence.books import SqlBooks
from persistence.carriage.addresses import SealedAddresses
from persistence.carriage.port import Addresses
from persistence.chargebacks.papers import SealedPapers
from persistence.chargebacks.port import PaperDesk
from persistence.database import SqlDatabase
from persistence.engine import POOLED, connect
from persistence.silence import SqlSilence
from persistence.vault import Vault
from runtime.codec import data_converter
from runtime.keyring import KeyRing
from runtime.runner import SHARED_MODULES, Runner
from runtime.settings import KeySettings, Settings, required
from workflows.served import ALL

# Longer than any step that is under way when the worker is told to stop.
_GRACE = timedelta(seconds=70)
# Executions that a worker keeps at hand; any other is read again from its history.
CACHED = 5_000


@dataclass(frozen=True)
class Services:
    """Everything that processes share, opened once per process.

    What is looked up in the midst of a transaction (a key, an address) goes by *beside*, whose
    connections nobody keeps while they wait for another one.
    """

    settings: Settings
    engine: AsyncEngine
    beside: AsyncEngine
    vault: Vault
    payments: PaymentGateway
    tracking: TrackingProvider
    shipping: ShippingProvider
    post: Post
    hooks: WebhookCaller
    rates: RateSource

    @property
    def database(self) -> SqlDatabase:
        """Transactions over the engine."""
        return SqlDatabase(self.engine, self.vault)

    @property
    def addresses(self) -> SealedAddresses:
        """Addresses, opened with the vault."""
        return SealedAddresses(self.beside, self.vault)

    @property
    def steps(self) -> list[Callable[..., Any]]:
        """Every step that a worker can run."""
        return [
            *activities(self.database, self.payments, self.tracking, self.rates),
            *carriage(self.database, self.shipping, self.tracking, self.addresses, self.rates),
            *of_banks(self.database, self.payments, SealedPapers(self.engine, self.vault)),
        ]

    async def temporal(self, runtime: Runtime | None = None) -> Client:
        """A client that encrypts what it sends. One per process; raises when Temporal is away."""
        return await Client.connect(
            **self.settings.temporal.connection(),
            data_converter=data_converter(self.vault),
            runtime=runtime,
        )


# Whoever is within a transaction and looks something up beside it must get a connection though all
# the others are with those who want one as well.
_BESIDE: Final = 5


@asynccontextmanager
async def services(settings: Settings) -> AsyncGenerator[Services]:
    """Open what *settings* name, and close it at the end. `SettingsError` if something lacks."""
    url = required(settings.database_url, "database_url").get_secret_value()
    payments, tracking, post = _payments(settings), _tracking(settings), _post(settings)
    rates = EcbRates(str(settings.fx.api_base or OWN_ADDRESS))
    shipping = _shipping(settings)
    ring = key_ring(required(settings.keys, "keys"))
    engine, beside = connect(url), connect(url, pool_size=_BESIDE)
    hooks = outgoing(settings)
    try:
        vault = Vault(beside, ring)
        yield Services(
            settings, engine, beside, vault, payments, tracking, shipping, post, hooks, rates
        )
    finally:
        await hooks.close()
        payments.close()
        tracking.close()
        await rates.close()
        shipping.close()
        await beside.dispose()
        await engine.dispose()


def key_ring(settings: KeySettings) -> KeyRing:
    """The master keys; without them nothing starts."""
    if settings.ring_file is not None:
        return KeyRing.read(settings.ring_file)
    ring = required(settings.ring, "keys__ring")
    return KeyRing.parse(ring.get_secret_value())


def _payments(settings: Settings) -> StripeGateway:
    payment = required(settings.payment, "payment")
    return StripeGateway(
        payment.api_key.get_secret_value(),
        payment.webhook_secret.get_secret_value(),
        str(payment.api_base) if payment.api_base else None,
    )


def _tracking(settings: Settings) -> EasyPostTracking:
    logistics = required(settings.logistics, "logistics")
    return EasyPostTracking(
        logistics.api_key.get_secret_value(),
        logistics.webhook_secret.get_secret_value(),
        str(logistics.api_base) if logistics.api_base else None,
    )


def _shipping(settings: Settings) -> EasyPostShipping:
    logistics = required(settings.logistics, "logistics")
    return EasyPostShipping(
        logistics.api_key.get_secret_value(),
        str(logistics.api_base) if logistics.api_base else None,
    )


def _post(settings: Settings) -> SmtpPost:
    mail = required(settings.mail, "mail")
    return SmtpPost(
        mail.host,
        mail.port,
        mail.sender,
        username=mail.username,
        password=mail.password.get_secret_value() if mail.password else None,
        starttls=mail.starttls,
    )


def outgoing(settings: Settings) -> WebhookCaller:
    """What calls the endpoints of outgoing webhooks; locally also on this machine."""
    is_local = settings.profile == "local"
    return WebhookCaller(private=is_local or settings.webhooks.private_addresses)


def activities(
    database: SqlDatabase, payments: PaymentGateway, tracking: TrackingProvider, rates: RateSource
) -> list[Callable[..., Any]]:
    """Every step that a worker can run."""
    order = OrderActivities(database, rates)
    fx = FxActivities(database, rates)
    payment = PaymentActivities(database, payments)
    refund = RefundActivities(database, payments)
    escrow = EscrowActivities(database)
    shipment = ShipmentActivities(database, tracking)
    consent, standing = ConsentActivities(database), StandingActivities(database)
    payout = PayoutActivities(database, payments)
    payout_operator = PayoutOperatorActivities(database, payments)
    aftercare = AftercareActivities(database, payments)
    books = SqlBooks(database.engine)
    upkeep = UpkeepActivities(SqlSilence(database.engine), books, payments, tracking)
    reconciliation = ReconciliationActivities(books, payments)
    return [
        order.open,
        order.record,
        order.remind,
        order.park,
        payment.ask,
        payment.settle,
        payment.close,
        refund.refund,
        refund.follow,
        *_of_payments(database, payments),
        escrow.hold,
        escrow.lift,
        escrow.release,
        escrow.release_reserve,
        shipment.check,
        shipment.declare,
        shipment.edit,
        shipment.follow,
        shipment.arrived_late,
        consent.ask,
        consent.settle,
        consent.take_back,
        standing.change_address,
        standing.heed_standing,
        payout.list_due,
        payout.send,
        payout.watch,
        payout_operator.park,
        payout_operator.resume,
        payout_operator.void,
        payout_operator.settle_by_hand,
        payout.care,
        aftercare.payment,
        aftercare.call_operator,
        *_of_purchases(database, payments),
        *_of_disputes(database, payments),
        upkeep.sweep,
        upkeep.check_invariants,
        reconciliation.reconcile,
        fx.fetch,
    ]


def _of_purchases(
    database: SqlDatabase, payments: PaymentGateway
) -> tuple[Callable[..., Any], ...]:
    """The steps of purchases over several sellers."""
    purchase = PurchaseActivities(database)
    payment = PurchasePaymentActivities(database, payments)
    attempts = PurchaseAttemptActivities(database, payments)
    return (
        purchase.open,
        purchase.refuse,
        purchase.remind,
        purchase.park,
        payment.ask,
        payment.settle,
        payment.close,
        attempts.ask_again,
        attempts.close_others,
        PurchaseAmountActivities(database, payments).decide,
        PurchaseCareActivities(database, payments).care,
    )


def _of_disputes(database: SqlDatabase, payments: PaymentGateway) -> tuple[Callable[..., Any], ...]:
    """The steps of disputes that move money; the others know carriers and addresses, too."""
    money = DisputeMoneyActivities(database, payments)
    return (money.settle, money.pay, money.follow, money.care)


def _of_payments(database: SqlDatabase, payments: PaymentGateway) -> tuple[Callable[..., Any], ...]:
    """The steps of payments that are not one payment of the right amount, taken at once."""
    attempts = AttemptActivities(database, payments)
    amount = AmountActivities(database, payments)
    capture = CaptureActivities(database, payments)
    fraud = FraudActivities(database, payments)
    repayment = RepaymentActivities(database, payments)
    return (
        attempts.ask_again,
        attempts.close_others,
        amount.decide,
        capture.capture,
        capture.follow,
        capture.void,
        fraud.report,
        fraud.heed,
        fraud.decide,
        repayment.ask,
        repayment.settle,
        repayment.close,
        repayment.care,
    )


def carriage(
    database: SqlDatabase,
    shipping: ShippingProvider,
    tracking: TrackingProvider,
    addresses: Addresses,
    rates: RateSource,
) -> list[Callable[..., Any]]:
    """The steps that buy labels and send couriers, look after both, or settle what came of it."""
    labels = LabelDesk(database, shipping, addresses, rates)
    couriers = CourierDesk(database, shipping, tracking, addresses)
    shipments = ShipmentActivities(database, tracking)
    online = OnlineActivities(database, tracking, shipments, labels, couriers)
    dispute = DisputeActivities(database, tracking, addresses)
    returns = ReturnLabelActivities(database, labels)
    check = CarriageCheckActivities(database, SqlBooks(database.engine), labels, shipping)
    return [
        online.check,
        online.buy,
        online.void,
        online.schedule,
        online.attempted,
        online.check_in,
        check.check,
        dispute.open,
        dispute.act,
        dispute.ring,
        dispute.hear,
        dispute.hear_bank,
        dispute.park,
        dispute.heed,
        returns.buy,
        returns.give_back,
    ]


def of_banks(
    database: SqlDatabase, payments: PaymentGateway, papers: PaperDesk
) -> list[Callable[..., Any]]:
    """The steps that answer a cardholder's bank, from what is sealed."""
    chargeback = ChargebackActivities(database, payments, papers, PdfPress())
    return [chargeback.open, chargeback.contest, chargeback.concede, chargeback.follow]


def worker(
    client: Client,
    steps: Sequence[Callable[..., Any]],
    *,
    task_queue: str,
    deployment: str = "caravan",
    build_id: str = "local",
    workflows: Sequence[type] = ALL,
    **options: Any,  # noqa: ANN401 - the worker's own, for tests
) -> Worker:
    """A worker for every process, with the sandbox on and an explicit deployment."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=steps,
        interceptors=[TypedFailures(), Beating(), *options.pop("interceptors", ())],
        workflow_runner=Runner(
            restrictions=SandboxRestrictions.default.with_passthrough_modules(*SHARED_MODULES)
        ),
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment, build_id), use_worker_versioning=False
        ),
        graceful_shutdown_timeout=_GRACE,
        max_cached_workflows=CACHED,
        # Each holds up a process's own task, and all of them need a connection to the database.
        max_concurrent_local_activities=POOLED,
        **options,
    )
