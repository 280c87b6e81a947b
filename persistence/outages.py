"""Which failures of the database pass by themselves."""

from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# Classes of SQLSTATE that pass: a connection that broke, a conflict of transactions, no room or
# memory or connection left, an operator's or the system's intervention.
_PASSING: Final = frozenset({"08", "40", "53", "57", "58"})
_CONNECTION: Final = (OperationalError, InterfaceError)
AWAY: Final = (*_CONNECTION, PoolTimeoutError)


def passes(error: Exception) -> bool:
    """Whether the database was away or busy; a broken statement stays a mistake of ours."""
    if isinstance(error, DBAPIError) and not isinstance(error, _CONNECTION):
        # Of a connection that breaks while it is made, only the driver's own error says so.
        told = (error.orig, getattr(error.orig, "__cause__", None))
        states = {str(getattr(one, "sqlstate", None) or "")[:2] for one in told}
        return error.connection_invalidated or not states.isdisjoint(_PASSING)
    return isinstance(error, AWAY)
