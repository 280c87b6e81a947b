"""Letters by SMTP."""

import hashlib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Final

import aiosmtplib

from adapters.errors import Outage, Rejected, Unavailable
from adapters.notification.port import Letter

NAME: Final = "smtp"
_TIMEOUT_SECONDS: Final = 10.0
_PERMANENT: Final = 500


class SmtpPost:
    """Keeps the contract of `Post`: the Message-ID is made of the key, so that repeats show."""

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        username: str | None = None,
        password: str | None = None,
        starttls: bool = True,
    ) -> None:
        """*sender* is an address, with or without a name ("Shop <post@shop.example>")."""
        self._server = (host, port)
        self._sender = sender
        self._domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
        self._username = username
        self._password = password
        self._starttls = starttls

    async def send(self, letter: Letter) -> None:
        """As the port has it."""
        host, port = self._server
        try:
            await aiosmtplib.send(
                self._message(letter),
                hostname=host,
                port=port,
                username=self._username,
                password=self._password,
                start_tls=self._starttls,
                timeout=_TIMEOUT_SECONDS,
            )
        except ValueError:
            # An address that is none, or a line break: somebody tries to write headers.
            raise Rejected(NAME, "malformed", "address or subject cannot be sent") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _outage_of(error) from error

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        name = hashlib.sha256(letter.key.encode()).hexdigest()[:32]
        message["From"] = self._sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Message-ID"] = f"<{name}@{self._domain}>"
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = letter.language
        message.set_content(letter.text)
        return message


def _outage_of(error: Exception) -> Outage:
    """The server's own words are left out: they may hold the address."""
    kind = type(error).__name__
    codes = _codes(error)
    if codes and min(codes) >= _PERMANENT:
        return Rejected(NAME, str(min(codes)), kind)
    return Unavailable(NAME, kind)


def _codes(error: Exception) -> list[int]:
    """What the server answered about this letter; nothing if it did not come to that."""
    match error:
        case aiosmtplib.SMTPAuthenticationError() | aiosmtplib.SMTPConnectResponseError():
            return []  # It refuses us, not the letter: the operator's to mend.
        case aiosmtplib.SMTPRecipientsRefused():
            return [refused.code for refused in error.recipients]
        case aiosmtplib.SMTPResponseException():
            return [error.code]
        case _:
            return []
