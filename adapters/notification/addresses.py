"""Which addresses may be called: somebody else chooses them, and our network is not theirs."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_PORTS: Final = {"http": 80, "https": 443}
# Addresses of IPv4 inside such of IPv6 (RFC 6052): where they lead is what counts.
_NAT64: Final = ip_network("64:ff9b::/96")
_MOST_TRIED: Final = 3

IPAddress = IPv4Address | IPv6Address


class NotAllowed(Exception):
    """The address may not be called; says why, for the endpoint's owner."""


@dataclass(frozen=True)
class Target:
    """A URL taken apart: where to connect, and how the host is named there."""

    scheme: str
    host: str
    port: int
    path: str

    def at(self, address: IPAddress) -> str:
        """The URL of this very address, so that no second look-up finds another one."""
        host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - of IP
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target(url: str, *, private: bool) -> Target:
    """Take a URL apart. Raises `NotAllowed` where one sees already that it may not be called.

    *private* allows unencrypted calls, and addresses that are not public.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("it is not a URL") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotAllowed("it must begin with https:// and name a host")
    if parts.scheme == "http" and not private:
        raise NotAllowed("only https is called")
    if parts.username is not None or parts.fragment:
        raise NotAllowed("it must hold neither a password nor a fragment")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise NotAllowed("write it in ASCII: the host in Punycode, the rest percent-encoded")
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    found = Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)
    literal = _literal(found.host)
    if literal is not None and not private and not is_public(literal):
        raise NotAllowed("its address is not a public one")
    return found


async def resolved(found: Target, *, private: bool) -> Sequence[IPAddress]:
    """Where the host is now. Raises `NotAllowed` if any of its addresses may not be called."""
    literal = _literal(found.host)
    if literal is not None:
        addresses = [literal]
    else:
        loop = asyncio.get_running_loop()
        rows = await loop.getaddrinfo(found.host, found.port, type=socket.SOCK_STREAM)
        addresses = [ip_address(str(row[4][0]).partition("%")[0]) for row in rows]
    if not private and not all(is_public(address) for address in addresses):
        raise NotAllowed("its name leads to an address that is not public")
    return list(dict.fromkeys(addresses))[:_MOST_TRIED]


def is_public(address: IPAddress) -> bool:
    """Whether an address belongs to the open internet, and to one host of it.

    Of an IPv6 address that stands for one of IPv4, that one is meant.
    """
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    if isinstance(address, IPv6Address):
        is_special = is_special or address.is_site_local
    return address.is_global and not is_special


def _inner(address: IPAddress) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
