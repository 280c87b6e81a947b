"""What the parts of the local stack are told, as environment variables."""

import os
from collections.abc import Mapping
from pathlib import Path

from cli.home import Home, Secrets
from cli.ports import Ports
from runtime.child import LOOPBACK
from runtime.issuer import DEVELOPMENT_ISSUER


def local_settings(home: Home, ports: Ports, secrets: Secrets, database_url: str) -> dict[str, str]:
    """Return the settings of the local profile."""
    sandbox = f"http://{LOOPBACK}:{ports.sandbox}"
    return {
        "CARAVAN_PROFILE": "local",
        "DATABASE_URL": database_url,
        "CARAVAN_TEMPORAL__ADDRESS": f"{LOOPBACK}:{ports.temporal}",
        "CARAVAN_PAYMENT__API_BASE": f"{sandbox}/stripe",
        "CARAVAN_PAYMENT__API_KEY": secrets.stripe_api_key,
        "CARAVAN_PAYMENT__WEBHOOK_SECRET": secrets.stripe_webhook_secret,
        "CARAVAN_LOGISTICS__API_BASE": f"{sandbox}/easypost/v2",
        "CARAVAN_LOGISTICS__API_KEY": secrets.easypost_api_key,
        "CARAVAN_LOGISTICS__WEBHOOK_SECRET": secrets.easypost_webhook_secret,
        "CARAVAN_FX__API_BASE": f"{sandbox}/ecb/stats/eurofxref",
        "CARAVAN_MAIL__HOST": LOOPBACK,
        "CARAVAN_MAIL__PORT": str(ports.mail),
        "CARAVAN_MAIL__SENDER": "Caravan <notices@caravan.localhost>",
        "CARAVAN_MAIL__STARTTLS": "false",
        "CARAVAN_EVIDENCE__STORE": (home.path.resolve() / "files").as_uri(),
        "CARAVAN_EVIDENCE__SCANNER": f"clamd://{LOOPBACK}:{ports.scanner}",
        "CARAVAN_AUTH__ISSUER": DEVELOPMENT_ISSUER,
        "CARAVAN_AUTH__DEVELOPMENT_KEY_FILE": str(home.issuer_key.resolve()),
        "CARAVAN_KEYS__RING_FILE": str(home.key_ring.resolve()),
        "CARAVAN_CODEC__CAPABILITY": secrets.codec_capability,
        "CARAVAN_CODEC__UI_ORIGINS": (
            f'["http://{LOOPBACK}:{ports.temporal_ui}", "http://localhost:{ports.temporal_ui}"]'
        ),
        "CARAVAN_API__HOST": LOOPBACK,
        "CARAVAN_API__PORT": str(ports.api),
        "CARAVAN_API__PUBLIC_URL": f"http://{LOOPBACK}:{ports.api}",
        "CARAVAN_CONSOLE__TEMPORAL_UI": f"http://{LOOPBACK}:{ports.temporal_ui}",
        "CARAVAN_WORKER__HEALTH_PORT": str(ports.worker_health),
        "CARAVAN_WORKER__METRICS_PORT": str(ports.worker_metrics),
        "CARAVAN_RELAY__HEALTH_PORT": str(ports.relay_health),
        "CARAVAN_LOG__FORMAT": "json",
    }


def sandbox_settings(home: Home, ports: Ports, secrets: Secrets) -> dict[str, str]:
    """Return what the sandbox world is told; its webhooks go to the API of the same stack."""
    hooks = f"http://{LOOPBACK}:{ports.api}/webhooks"
    return {
        "SANDBOX_HOST": LOOPBACK,
        "SANDBOX_PORT": str(ports.sandbox),
        "SANDBOX_SMTP_PORT": str(ports.mail),
        "SANDBOX_SCANNER_PORT": str(ports.scanner),
        "SANDBOX_DATA": str(home.path / "sandbox"),
        "SANDBOX_STRIPE_WEBHOOK_URL": f"{hooks}/stripe",
        "SANDBOX_STRIPE_WEBHOOK_SECRET": secrets.stripe_webhook_secret,
        "SANDBOX_EASYPOST_WEBHOOK_URL": f"{hooks}/easypost",
        "SANDBOX_EASYPOST_WEBHOOK_SECRET": secrets.easypost_webhook_secret,
    }


def environment(settings: Mapping[str, str], own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Lay what the person has set over *settings*.

    Not the profile and the ports, which are what `up` is about; and nothing of another Temporal,
    whose key would be sent to ours.
    """
    kept = {
        name: value
        for name, value in own.items()
        if not name.startswith("TEMPORAL_")
        and not (name.startswith("CARAVAN_") and name.endswith(("_PROFILE", "_PORT")))
    }
    return {**settings, **kept, "TEMPORAL_CONFIG_FILE": os.devnull}


def codec_endpoint(ports: Ports, secrets: Secrets) -> str:
    """Where the Temporal UI in the browser asks for clear text."""
    return f"http://{LOOPBACK}:{ports.api}/codec/{secrets.codec_capability}"


def remember(home: Home, settings: Mapping[str, str]) -> None:
    """Write *settings* for the other commands, readable by their owner alone."""
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    home.write_private(home.environment_file.name, "".join(lines))


def use_local_stack(folder: Path) -> bool:
    """Take the settings of the local stack into our own environment, and say whether there is one.

    Does nothing when the environment names a profile already: then somebody means another place.
    """
    remembered = Home(folder).environment_file
    if "CARAVAN_PROFILE" in os.environ or not remembered.exists():
        return False
    for line in remembered.read_text().splitlines():
        name, _, value = line.partition("=")
        os.environ.setdefault(name, value)
    return True
