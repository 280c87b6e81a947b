"""Whom the other side of a TLS connection may be vouched for by."""

import ssl
from functools import cache

import httpx2


@cache
def authorities(*, trust_env: bool = True) -> ssl.SSLContext:
    """The authorities that this process trusts; with *trust_env*, those that its surroundings name.

    Read once for all clients: it costs each process a tenth of a second of CPU.
    """
    return httpx2.create_ssl_context(trust_env=trust_env)
