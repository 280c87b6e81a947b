"""Mail: what was sent can be read, and what was sent twice can be seen."""

import smtplib
from email.message import EmailMessage
from uuid import uuid4

import httpx2
import pytest

from tests.support.sandbox import SandboxWorld


def mail(to: str, message_id: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Caravan <no-reply@caravan.example>"
    message["To"] = to
    message["Subject"] = "Seu pedido está a caminho"
    if message_id is not None:
        message["Message-ID"] = message_id
    message.set_content("Olá & até logo <b>não</b>")
    return message


def send(world: SandboxWorld, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", world.place.smtp_port, timeout=5) as connection:
        connection.send_message(message)


@pytest.fixture
def to() -> str:
    return f"{uuid4().hex}@buyers.example"


async def test_a_mail_is_kept_and_shown(world: SandboxWorld, to: str) -> None:
    """The page shows what the buyer would read, and runs nothing that stands in it."""
    send(world, mail(to))
    kept = (await world.mails(to))[0]
    page = httpx2.get(f"{world.place.url}/mail/{kept['seq']}")

    assert (kept["subject"], kept["to"]) == ("Seu pedido está a caminho", [to])
    assert "Olá &amp; até logo &lt;b&gt;" in page.text
    assert to in httpx2.get(f"{world.place.url}/mail", params={"to": to}).text


async def test_a_mail_that_is_sent_twice_is_marked(world: SandboxWorld, to: str) -> None:
    """A notice repeated after a lost answer carries its Message-ID: readers see one mail."""
    for _ in range(3):
        send(world, mail(to, f"<{to}>"))
    kept = await world.mails(to)

    assert [(each["times"], each["repeated"]) for each in kept] == [(3, True)]


async def test_a_mail_server_can_be_out_of_order(world: SandboxWorld, to: str) -> None:
    """The relay has to try again, and the buyer gets one mail."""
    await world.fault("error", f"SMTP {to}", times=1)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(world, mail(to))
    send(world, mail(to))

    assert refused.value.smtp_code == 451
    assert len(await world.mails(to)) == 1
