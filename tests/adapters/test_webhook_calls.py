"""Endpoints are called as Standard Webhooks has it, and nowhere that we do not want to go."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.notification.addresses import NotAllowed, is_public, target
from adapters.notification.port import Call, Heard
from adapters.notification.webhook import WebhookCaller, plain, signed
from tests.support.receiver import Receiver

_OLD: Final = "whsec_" + "b2xkIHNlY3JldCBvZiB0aGUgdGVzdHMgMDEyMzQ1Njc4"
_NEW: Final = "whsec_" + "bmV3IHNlY3JldCBvZiB0aGUgdGVzdHMgMDEyMzQ1Njc4"
_BODY: Final = '{"id":"evt_1","note":"Grüße, 您好"}'.encode()
Handler = Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]


@pytest.fixture
async def caller() -> AsyncGenerator[WebhookCaller]:
    """One that may call this machine, and has not much patience."""
    made = WebhookCaller(private=True, timeout_seconds=1)
    yield made
    await made.close()


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    """Where calls arrive."""
    async with Receiver() as listening:
        yield listening


def a_call(url: str, *secrets: str) -> Call:
    return Call(url, "evt_1", _BODY, secrets or (_NEW,))


@asynccontextmanager
async def answering(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """A server that answers every request as *handler* does; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await handler(writer)
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_the_official_package_accepts_what_we_sign(
    caller: WebhookCaller, receiver: Receiver
) -> None:
    """Integrators verify with it, and by either secret while one takes the other's place."""
    heard = await caller.call(a_call(f"{receiver.url}/in", _NEW, _OLD))
    (received,) = receiver.received

    assert heard.status == 200
    for secret in (_NEW, _OLD):
        assert Webhook(secret).verify(received.body, received.headers)["id"] == "evt_1"
    assert received.headers["webhook-signature"].count("v1,") == 2
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "x" * 40).verify(received.body, received.headers)


def test_a_changed_body_is_not_accepted() -> None:
    """Else the signature would protect nothing."""
    headers = signed(a_call("https://shop.example"), datetime.now(UTC))

    with pytest.raises(WebhookVerificationError):
        Webhook(_NEW).verify(_BODY.replace(b"evt_1", b"evt_2"), headers)


def test_a_message_that_was_recorded_long_ago_is_not_accepted() -> None:
    """The instant of the attempt is signed, so nobody can play it back next week."""
    old = datetime.now(UTC) - timedelta(minutes=6)

    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(_NEW).verify(_BODY, signed(a_call("https://shop.example"), old))


async def test_a_redirect_is_an_answer(caller: WebhookCaller, receiver: Receiver) -> None:
    """It could lead anywhere, and the judged address would have been for nothing."""

    async def away(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 302 x\r\nLocation: {receiver.url}\r\n\r\n".encode())

    async with answering(away) as port:
        heard = await caller.call(a_call(f"http://127.0.0.1:{port}/"))

    assert heard.status == 302
    assert receiver.received == []


async def test_nobody_is_waited_for_longer_than_we_said(caller: WebhookCaller) -> None:
    """A receiver that keeps us waiting keeps others waiting."""

    async def silent(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async with answering(silent) as port:
        heard = await caller.call(a_call(f"http://127.0.0.1:{port}/"))

    assert (heard.status, heard.error) == (None, "no answer within 1 s")
    assert 900 < heard.ms < 3000


async def test_an_answer_without_end_is_cut_off(caller: WebhookCaller) -> None:
    """What is said beyond the status is for the log, and the log has no room for a film."""
    sent = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 x\r\nContent-Type: text/plain\r\n\r\n")
        while sent < 50_000_000:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with answering(flood) as port:
        heard = await caller.call(a_call(f"http://127.0.0.1:{port}/"))

    assert (heard.status, len(heard.excerpt)) == (200, 500)
    assert sent < 50_000_000


async def test_an_excerpt_is_plain_text(caller: WebhookCaller) -> None:
    """It is shown in terminals and pages, and somebody else wrote it."""

    async def nasty(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 x\r\n\r\n\x1b[31moh\x00\r\n\xff no\x85")

    async with answering(nasty) as port:
        heard = await caller.call(a_call(f"http://127.0.0.1:{port}/"))

    assert heard.excerpt == "[31moh \N{REPLACEMENT CHARACTER} no\N{REPLACEMENT CHARACTER}"
    assert plain(b"") == ""


async def test_a_name_is_judged_by_where_it_leads() -> None:
    """Anybody can point a name of their own at our network."""
    strict = WebhookCaller()
    try:
        heard = await strict.call(a_call("https://localhost/in"))
        literal = await strict.call(a_call("https://127.0.0.1/in"))
    finally:
        await strict.close()

    assert heard == Heard(None, heard.ms, "", "may not be called: " + _LEADS)
    assert literal.error == "may not be called: its address is not a public one"


_LEADS: Final = "its name leads to an address that is not public"


async def test_a_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    """We connect to the address that was judged, and still to nobody but the one named."""

    async def fine(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 x\r\n\r\n")

    for name, is_accepted in (("localhost", True), ("elsewhere.example", False)):
        server, client = _certified(tmp_path, name)
        caller = WebhookCaller(private=True, timeout_seconds=5, trusted=client)
        async with answering(fine, server) as port:
            heard = await caller.call(a_call(f"https://localhost:{port}/"))
        await caller.close()

        assert (heard.status == 204) is is_accepted, heard
        assert heard.error == ("" if is_accepted else "ConnectError")


def _certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server that calls itself *name*, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    pem.write_bytes(secret + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=public.decode())


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_an_address_of_a_network_of_somebodys_own_is_not_public(address: str) -> None:
    """However it is written: each of these forms has led into somebody's network before."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::808:808"])
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    """Else nobody would be told anything."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "at", "authority"),
    [
        ("https://shop.example/in?a=1", "https://93.184.215.14:443/in?a=1", "shop.example"),
        ("https://shop.example:8443", "https://93.184.215.14:8443/", "shop.example:8443"),
        ("https://[2606:2800::1]/x", "https://93.184.215.14:443/x", "[2606:2800::1]"),
    ],
)
def test_a_url_is_taken_apart(url: str, at: str, authority: str) -> None:
    """The address is ours to choose, the name is what the receiver expects."""
    found = target(url, private=False)

    assert (found.at(ip_address("93.184.215.14")), found.authority) == (at, authority)


def test_a_url_with_a_password_is_not_taken() -> None:
    """It would stand in our tables in clear."""
    with pytest.raises(NotAllowed, match="password"):
        target("https://me:secret@shop.example/", private=True)
