"""How long steps may take and how often they are tried. Every profile ends."""

from datetime import timedelta
from typing import Final

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig, LocalActivityConfig

# A step whose worker was killed is taken again after so long, not after its whole time. A running
# step says that it is alive (`activities/beating.py`).
_ALIVE: Final = timedelta(seconds=20)
# Our own tables: quick, safe to repeat; a database that is away for two days needs a person.
RECORD: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=_ALIVE,
    schedule_to_close_timeout=timedelta(days=2),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=5),
    ),
)
# The same within the process's own task, which must not be kept waiting: one try.
AT_ONCE: Final = LocalActivityConfig(
    schedule_to_close_timeout=timedelta(seconds=3),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
# A provider that is away for three days parks the process. Every try is billed: hourly is often
# enough once it is clear that this is no hiccup.
PROVIDER: Final = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=1),
    heartbeat_timeout=_ALIVE,
    schedule_to_close_timeout=timedelta(days=3),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(hours=1),
    ),
)
# A payout is tried five times in a quarter of an hour (the policy's figure); then an operator is
# called, who can look, while it goes on being tried every six hours.
PAYING: Final = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=1),
    heartbeat_timeout=_ALIVE,
    schedule_to_close_timeout=timedelta(hours=2),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=8.0,
        maximum_interval=timedelta(minutes=10),
        maximum_attempts=5,
    ),
)


def summed_up(options: ActivityConfig, summary: str) -> ActivityConfig:
    """The profile with the words that the UI shows for the step."""
    config = ActivityConfig(summary=summary)
    config.update(options)
    return config
