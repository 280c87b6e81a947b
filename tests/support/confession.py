"""A process that says its secret in every way in which a process can say something."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

_ONCE = RetryPolicy(maximum_attempts=1)
_SOON = timedelta(seconds=20)


@dataclass(frozen=True)
class Secret:
    """A word that must not be readable, and the way in which it is said."""

    word: str
    way: str = ""

    def said(self, way: str) -> "Secret":
        """The same word, said in another way."""
        return Secret(self.word, way)


@activity.defn(name="confession.hear")
async def hear(secret: Secret) -> Secret:
    """Say it back."""
    return secret.said("heard")


@activity.defn(name="confession.fail")
async def fail(secret: Secret) -> None:
    """Fail with the secret in the message and in the details."""
    raise ApplicationError(f"message {secret.word}", secret.said("details"), type="Told")


@workflow.defn(name="confession")
class Confession:
    """Start, signal, query, update, activities, memo, summaries, timers and failures."""

    @workflow.init
    def __init__(self, first: Secret) -> None:
        self._secrets = [first]

    @workflow.run
    async def run(self, first: Secret) -> list[Secret]:
        """End when a secret was signalled and another was given by update."""
        word = first.word
        workflow.set_current_details(f"details {word}")
        workflow.upsert_memo({"later": f"memo {word}"})
        self._secrets += [
            await workflow.execute_activity(
                hear, first.said("activity"), start_to_close_timeout=_SOON, summary=f"sum {word}"
            ),
            await workflow.execute_local_activity(
                hear, first.said("local"), start_to_close_timeout=_SOON
            ),
        ]
        await workflow.sleep(0.01, summary=f"timer {word}")
        await self._fail(first.said("failure"))
        await workflow.wait_condition(lambda: {"signal", "update"} <= self._ways())
        return self._secrets

    async def _fail(self, secret: Secret) -> None:
        try:
            await workflow.execute_activity(
                fail, secret, start_to_close_timeout=_SOON, retry_policy=_ONCE
            )
        except Exception as error:  # noqa: BLE001 - what it was is checked by the test
            cause = error.__cause__
            details = cause.details if isinstance(cause, ApplicationError) else ()
            self._secrets.append(Secret(f"{cause} {details}", "failure"))

    def _ways(self) -> set[str]:
        return {secret.way for secret in self._secrets}

    @workflow.signal
    def told(self, secret: Secret) -> None:
        """Hear one more."""
        self._secrets.append(secret)

    @workflow.update
    def tell(self, secret: Secret) -> Secret:
        """Hear one more and say it back."""
        self._secrets.append(secret)
        return secret.said("update-answer")

    @workflow.query
    def known(self, secret: Secret) -> list[Secret]:
        """What was heard so far."""
        return [*self._secrets, secret]
