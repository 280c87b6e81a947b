"""The mailbox: takes mail by SMTP and keeps it, so that it can be read."""

import asyncio
import email.policy
import hashlib
import json
import socket
from email.message import EmailMessage
from email.parser import BytesParser

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.store import Json, Row, Store
from sandbox.world import World

log = structlog.get_logger()

_PARSER = BytesParser(policy=email.policy.default)


class Mailbox:
    """Accepts every mail. One that comes again under its Message-ID is counted, not kept twice."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def serve(self, listening: socket.socket) -> asyncio.Server:
        """Take mail from a socket, in this event loop."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: SMTP(self, loop=loop), sock=listening)

    async def handle_exception(self, error: Exception) -> str:
        """What fails here, or is just being ended, is no fault of the letter: try it again."""
        log.warning("mail.failed", error=type(error).__name__)
        return "451 Requested action aborted: error in processing"

    async def handle_DATA(  # noqa: N802 the library looks for this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server, session
        to = [str(address) for address in envelope.rcpt_tos]
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        struck = self._world.faults.strike(f"SMTP {' '.join(to)}", *to)
        for fault in struck:
            if fault.kind == "error":
                return "451 Requested action aborted: error in processing"
            if fault.kind == "delay":
                await asyncio.sleep(fault.seconds)
        with self._world.store.transaction():
            keep(self._world.store, str(envelope.mail_from or ""), to, raw)
        for fault in struck:
            if fault.kind == "timeout_after_effect":
                await asyncio.sleep(fault.seconds)
        return "250 OK"


def keep(store: Store, sender: str, to: list[str], raw: bytes) -> None:
    """Write a mail down. One without a Message-ID is known by its content."""
    message = _PARSER.parsebytes(raw)
    known = str(message["Message-ID"] or "").strip() or hashlib.sha256(raw).hexdigest()
    repeated = store.run("UPDATE mails SET times = times + 1 WHERE message_id = ?", known)
    if not repeated:
        store.run(
            "INSERT INTO mails (message_id, sender, recipients, subject, text, raw, received)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(known, sender, json.dumps(to), str(message["Subject"] or ""), _text(message)),
            *(raw.decode(errors="replace"), store.now()),
        )
    log.info("mail.received", message_id=known, repeated=bool(repeated))


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    text: str = body.get_content()
    return text


def listed(store: Store, to: str | None, limit: int) -> list[Json]:
    """The latest mails first, those to an address that contains *to*."""
    rows = store.rows(
        "SELECT * FROM mails WHERE ? IS NULL OR instr(lower(recipients), lower(?)) > 0"
        " ORDER BY seq DESC LIMIT ?",
        *(to, to, limit),
    )
    return [_shown(row) for row in rows]


def one(store: Store, seq: int) -> Json | None:
    row = store.row("SELECT * FROM mails WHERE seq = ?", seq)
    return None if row is None else _shown(row) | {"raw": row["raw"]}


def _shown(row: Row) -> Json:
    names = ("seq", "message_id", "sender", "subject", "text", "received", "times")
    return {name: row[name] for name in names} | {
        "to": json.loads(row["recipients"]),
        "repeated": row["times"] > 1,
    }
