"""How the sandbox is started: the command line, or the environment."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sandbox.rules import Rules

_HOOKS: Final = (
    "stripe_webhook_url",
    "stripe_webhook_secret",
    "easypost_webhook_url",
    "easypost_webhook_secret",
)


@dataclass(frozen=True, slots=True)
class Options:
    """Where the sandbox listens, where it keeps its books, whom it tells.

    An empty webhook option leaves what the books say; port 0 takes any free one.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8090
    smtp_port: int = 8025
    scanner_port: int = 8310
    stripe_webhook_url: str = ""
    stripe_webhook_secret: str = ""
    easypost_webhook_url: str = ""
    easypost_webhook_secret: str = ""

    @classmethod
    def read(cls, arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Self:
        """Options from the command line; `SANDBOX_…` stands in for what it leaves out."""
        parser = argparse.ArgumentParser("sandbox", description="A stand-in world for Caravan.")
        for name, default, about in (
            ("host", "127.0.0.1", "address to listen on"),
            ("port", "8090", "HTTP port"),
            ("smtp-port", "8025", "SMTP port"),
            ("scanner-port", "8310", "port of the scanner of files (clamd's protocol)"),
            ("data", ".sandbox", "directory of the books"),
            ("stripe-webhook-url", "", "where payment events go"),
            ("stripe-webhook-secret", "", "what signs them (whsec_...)"),
            ("easypost-webhook-url", "", "where tracking events go"),
            ("easypost-webhook-secret", "", "what signs them"),
        ):
            variable = f"SANDBOX_{name.replace('-', '_').upper()}"
            known = environment.get(variable) or default
            parser.add_argument(f"--{name}", default=known, help=f"{about} [{variable}]")
        told = vars(parser.parse_args(arguments))
        hooks = {name: told[name] for name in _HOOKS}
        port, mail, scanner = (int(told[name]) for name in ("port", "smtp_port", "scanner_port"))
        return cls(Path(told["data"]), told["host"], port, mail, scanner, **hooks)

    def over(self, rules: Rules) -> Rules:
        """The rules with the webhook options laid over them."""
        told = {name: str(getattr(self, name)) for name in _HOOKS if getattr(self, name)}
        return rules.changed(told)
