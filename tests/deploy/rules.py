"""What we ask of `docker-compose.yml` beyond its schema, a rule for each way to go wrong."""

import graphlib
import importlib.util
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, Final, TypeAlias

from runtime.settings import Settings
from runtime.spelling import known_names
from sandbox.options import Options
from tests.support.compose import Document, Missing, environment, filled, services
from tests.support.source import ROOT

Rule: TypeAlias = Callable[[Document], Iterator[str]]

OURS: Final = ("caravan:",)
_PINNED: Final = re.compile(r"[\w./-]+:v?\d+\.\d+[\w.-]*|[\w./:-]+@sha256:[0-9a-f]{64}")
_DEPRECATED: Final = re.compile(r"temporalio/(auto-setup|web|base-\w+|tctl)\b|/docker-compose\b")
_SECRET: Final = re.compile(r"PASSWORD|PWD|SECRET|API_KEY|CAPABILITY|SERVICE_KEYS|DATABASE_URL")
_FOREIGN: Final = re.compile(r"OTEL_\w+|AWS_\w+|DATABASE_URL")
_HOST: Final = re.compile(r"(?:^|//|@|:-)([a-z][a-z-]*):\d+")
_BARE_HOSTS: Final = {"SQL_HOST", "POSTGRES_SEEDS"}
_JOB: Final = re.compile(r"no|on-failure:\d+")
_WATCHED: Final = {"test", "interval", "timeout", "retries", "start_period"}


def is_job(service: Document) -> bool:
    """Whether it runs to its end."""
    return bool(_JOB.fullmatch(service.get("restart", "")))


def is_ours(service: Document) -> bool:
    """Whether it runs our own image."""
    return filled(service["image"], {}).startswith(OURS)


def floating_images(compose: Document) -> Iterator[str]:
    """An image that changes under its name is another deployment tomorrow."""
    for name, service in services(compose).items():
        image = filled(service["image"], {})
        if not _PINNED.fullmatch(image):
            yield f"{name}: {image} is not pinned to a version"
        if _DEPRECATED.search(image):
            yield f"{name}: {image} is deprecated"


def open_ports(compose: Document) -> Iterator[str]:
    """A port is for this host alone, until somebody decides otherwise."""
    taken: Counter[str] = Counter()
    for name, service in services(compose).items():
        for port in service.get("ports", []):
            host, _, rest = filled(port, {}).partition(":")
            taken[rest.split(":")[0]] += 1
            if host != "127.0.0.1":
                yield f"{name}: {port} is open to everybody"
            if "replicas" in service.get("deploy", {}):
                yield f"{name}: {port} can be had by one replica only"
    yield from (f"port {port} is wanted twice" for port, times in taken.items() if times > 1)


def stray_storage(compose: Document) -> Iterator[str]:
    """What is declared and not used hides a mount that was forgotten, and the other way round."""
    used: dict[str, set[str]] = {"volumes": set(), "secrets": set(), "networks": {"default"}}
    for name, service in services(compose).items():
        used["secrets"] |= set(service.get("secrets", []))
        used["networks"] |= set(service.get("networks", []))
        for volume in service.get("volumes", []):
            source, _, target = volume.partition(":")
            if not source.startswith("."):
                used["volumes"].add(source)
            elif not (ROOT / source).exists() or not target.endswith(":ro"):
                yield f"{name}: {volume} is not there, or can be written to"
    for kind, names in used.items():
        if odd := names ^ set(compose.get(kind, {})):
            yield f"{kind}: {', '.join(sorted(odd))} is declared or used, but not both"


def wrong_order(compose: Document) -> Iterator[str]:
    """Each part waits for what it needs, in the way in which that can be ready."""
    parts = services(compose)
    for name, service in parts.items():
        for other, how in service.get("depends_on", {}).items():
            ready = _readiness(parts[other]) if other in parts else "there"
            if how["condition"] != ready:
                yield f"{name}: waits for {other} to be {how['condition']}, never {ready}"
    waiting = {name: set(service.get("depends_on", {})) for name, service in parts.items()}
    try:
        graphlib.TopologicalSorter(waiting).prepare()
    except graphlib.CycleError as cycle:
        yield f"{' waits for '.join(cycle.args[1])}"


def _readiness(service: Document) -> str:
    return "service_completed_successfully" if is_job(service) else "service_healthy"


def unwatched(compose: Document) -> Iterator[str]:
    """What nobody watches dies unseen, and what has no bounds takes the others along."""
    parts = services(compose)
    awaited = {other for service in parts.values() for other in service.get("depends_on", {})}
    for name, service in parts.items():
        if is_job(service):
            if name not in awaited:
                yield f"{name}: nobody waits for this job"
        else:
            if service.get("restart") != "unless-stopped":
                yield f"{name}: does not come back"
            if lacking := _WATCHED - set(service.get("healthcheck", {})):
                yield f"{name}: its health check lacks {', '.join(sorted(lacking))}"
            if "stop_grace_period" not in service:
                yield f"{name}: is not told how long its end may take"
        if "max-size" not in service.get("logging", {}).get("options", {}):
            yield f"{name}: its log fills the disk"
        if set(_limits(service)) < {"cpus", "memory"}:
            yield f"{name}: has no limits"


def _limits(service: Document) -> dict[str, Any]:
    limits: dict[str, Any] = service.get("deploy", {}).get("resources", {}).get("limits", {})
    return limits


def unreachable(compose: Document) -> Iterator[str]:
    """A name that nobody bears, or on another network, is a time-out ten minutes later."""
    parts = services(compose)
    for name, service in parts.items():
        for variable, value in environment(service).items():
            hosts = _HOST.findall(value or "") + [value] * (variable in _BARE_HOSTS)
            for host in hosts:
                shared = set(service["networks"]) & set(parts.get(host, {}).get("networks", []))
                if not shared:
                    yield f"{name}: {variable} names {host}, which cannot be reached from there"


def powerful(compose: Document) -> Iterator[str]:
    """Who breaks into a part should find nothing there to go on with."""
    for name, service in services(compose).items():
        if service.keys() & {"privileged", "cap_add", "network_mode", "pid", "user"}:
            yield f"{name}: has more power than it needs"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: may gain privileges"
        if is_ours(service) and not (service.get("read_only") and service["cap_drop"] == ["ALL"]):
            yield f"{name}: may write to its image, or keeps capabilities"
        if any("docker.sock" in volume for volume in service.get("volumes", [])):
            yield f"{name}: rules the engine"


def unknown_variables(compose: Document) -> Iterator[str]:
    """A variable that nothing reads looks as if it did something."""
    known = {*known_names(Settings), *(f"SANDBOX_{f.name.upper()}" for f in fields(Options))}
    for name, service in services(compose).items():
        for variable in environment(service):
            is_for_us = is_ours(service) or variable.startswith("CARAVAN_")
            if is_for_us and variable not in known and not _FOREIGN.fullmatch(variable):
                yield f"{name}: nothing reads {variable}"


def given_secrets(compose: Document) -> Iterator[str]:
    """A password that works without being chosen is known to everybody who reads this."""
    for name, service in services(compose).items():
        for variable, value in environment(service).items():
            if value is not None and _SECRET.search(variable) and not _must_be_chosen(value):
                yield f"{name}: {variable} has a value that nobody chose"


def _must_be_chosen(value: str) -> bool:
    try:
        filled(value, {})
    except Missing:
        return True
    return False


def idle_commands(compose: Document) -> Iterator[str]:
    """A command that names a module that is not there ends at once, on the day of the roll-out."""
    for name, service in services(compose).items():
        asked = service.get("healthcheck", {}).get("test", [])[1:]
        for command in filter(None, [service["command"], asked] if is_ours(service) else []):
            if command[:2] != ["python", "-m"] or not _runs(command[2]):
                yield f"{name}: {' '.join(command)} starts nothing of ours"


def _runs(module: str) -> bool:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return False
    is_package = spec is not None and spec.submodule_search_locations is not None
    return bool(importlib.util.find_spec(f"{module}.__main__") if is_package else spec)
