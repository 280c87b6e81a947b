"""Which failures of the database, and of the way to it or to anybody else, pass by themselves."""

import errno
import socket
import ssl
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# Classes of SQLSTATE that pass: a connection that broke, a conflict of transactions, no room or
# memory or connection left, an operator's or the system's intervention.
_PASSING: Final = frozenset({"08", "40", "53", "57", "58"})
_CONNECTION: Final = (OperationalError, InterfaceError)
AWAY: Final = (*_CONNECTION, PoolTimeoutError)
# What the network says by the kind of its error; a file that lacks is no outage.
_UNREACHED: Final = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError)
# What is said by a number alone: no way there, or no more room on this machine.
_UNREACHED_BY: Final = frozenset(
    {
        *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN),
        *(errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM),
        *(errno.ENOSPC, errno.EDQUOT),
    }
)
# How asyncio sums up that each address of a host failed in its own way: without kind or number.
_EACH_ADDRESS: Final = "Multiple exceptions: "


def passes(error: Exception) -> bool:
    """Whether the database was away or busy; a broken statement stays a mistake of ours.

    So does a file that is not there, or may not be read: it is an `OSError` as well.
    """
    if isinstance(error, OSError):
        if isinstance(error, _UNREACHED) or error.errno in _UNREACHED_BY:
            return True
        return type(error) is OSError and str(error).startswith(_EACH_ADDRESS)
    if isinstance(error, DBAPIError) and not isinstance(error, _CONNECTION):
        # Of a connection that breaks while it is made, only the driver's own error says so.
        told = (error.orig, getattr(error.orig, "__cause__", None))
        states = {str(getattr(one, "sqlstate", None) or "")[:2] for one in told}
        return error.connection_invalidated or not states.isdisjoint(_PASSING)
    return isinstance(error, AWAY)
