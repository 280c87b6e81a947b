"""The folder `.caravan`: data, logs and secrets of the local stack, made once and kept."""

import fcntl
import os
import secrets
import shutil
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from runtime.child import StackError
from runtime.keyring import KeyRing

_NEEDED_MB: Final = 500


@dataclass(frozen=True, repr=False)
class Secrets:
    """What the local parts prove themselves to each other with."""

    stripe_api_key: str
    stripe_webhook_secret: str
    easypost_api_key: str
    easypost_webhook_secret: str
    codec_capability: str

    @classmethod
    def new(cls) -> "Secrets":
        return cls(
            stripe_api_key=f"sk_test_{secrets.token_hex(24)}",
            stripe_webhook_secret=f"whsec_{secrets.token_hex(24)}",
            easypost_api_key=f"EZTK{secrets.token_hex(24)}",
            easypost_webhook_secret=secrets.token_hex(24),
            codec_capability=secrets.token_urlsafe(32),
        )


@dataclass(frozen=True)
class Home:
    """Where everything of one local stack is."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def issuer_key(self) -> Path:
        return self.path / "development-issuer.pem"

    @property
    def key_ring(self) -> Path:
        return self.path / "keyring.json"

    @property
    def environment_file(self) -> Path:
        """What the running parts were told; other commands read it to reach them."""
        return self.path / "environment"

    def prepare(self) -> Secrets:
        """Make the folder and its secrets where they are missing, and return the secrets.

        Raises `StackError` if the folder cannot be written or the disk is nearly full.
        """
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            _check_writable(self.path)
        except OSError as error:
            raise StackError(
                f"{self.path} cannot be written ({error.strerror}). "
                "Choose another folder with --data, or mend its permissions."
            ) from error
        free = shutil.disk_usage(self.path).free // 1_000_000
        if free < _NEEDED_MB:
            raise StackError(
                f"Only {free} MB are free on the disk of {self.path}, and {_NEEDED_MB} MB are "
                "needed. Make room, or choose another folder with --data."
            )
        if not self.key_ring.exists():
            KeyRing.generate().write(self.key_ring)
        return self._secrets()

    @contextmanager
    def owned(self) -> Generator[None]:
        """Hold the folder alone. Raises `StackError` if another `up` holds it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StackError(
                    f"Caravan is already up with the data in {self.path} (process "
                    f"{lock.read().strip()}). Stop that one with Ctrl-C, or start another with "
                    "--data FOLDER --port-offset 100."
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def write_private(self, name: str, text: str) -> Path:
        """Write a file that only its owner can read, whole or not at all."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        making = path.with_name(f"{path.name}.new")
        making.unlink(missing_ok=True)
        making.touch(mode=0o600)
        making.write_text(text)
        making.replace(path)
        return path

    def _secrets(self) -> Secrets:
        file = self.path / "secrets.toml"
        if not file.exists():
            lines = [f'{name} = "{value}"\n' for name, value in asdict(Secrets.new()).items()]
            self.write_private(file.name, "".join(lines))
        try:
            return Secrets(**tomllib.loads(file.read_text()))
        except (TypeError, tomllib.TOMLDecodeError) as error:
            raise StackError(
                f"{file} is damaged. Restore it, or remove it to have new secrets made."
            ) from error


def _check_writable(folder: Path) -> None:
    probe = folder / ".probe"
    probe.touch()
    probe.unlink()
