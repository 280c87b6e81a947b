"""`docker-compose.yml` keeps what an engine cannot check before it is too late."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from api import serving
from runtime import wiring
from runtime.embedded import dynamic_config
from runtime.settings import Settings
from runtime.spelling import PREFIX, known_names
from tests.deploy import rules
from tests.deploy.rules import Rule, is_job, is_ours
from tests.support.compose import (
    FILE,
    Document,
    Missing,
    document,
    env_file,
    environment,
    services,
    told,
    variables,
)
from tests.support.source import ROOT

Spoil = Callable[[dict[str, Document]], object]
EXAMPLE = (ROOT / ".env.example").read_text()
# The ring comes as a file, and the URL under its common name.
LEFT_OUT = {"CARAVAN_KEYS__RING", "CARAVAN_DATABASE_URL"}
RULES: dict[Rule, Spoil] = {
    rules.floating_images: lambda parts: parts["postgres"].update(image="postgres:latest"),
    rules.open_ports: lambda parts: parts["api"].update(ports=["8080:8080"]),
    rules.stray_storage: lambda parts: parts["postgres"].update(volumes=[]),
    rules.wrong_order: lambda parts: parts["temporal-schema"]["depends_on"].update(
        relay={"condition": "service_healthy"}
    ),
    rules.unreachable: lambda parts: parts["worker"].update(networks=["default"]),
    rules.unwatched: lambda parts: parts["worker"].pop("healthcheck"),
    rules.powerful: lambda parts: parts["relay"].update(read_only=False),
    rules.unknown_variables: lambda parts: parts["api"]["environment"].update(
        CARAVAN_API__PROT="8080"
    ),
    rules.given_secrets: lambda parts: parts["postgres"]["environment"].update(
        POSTGRES_PASSWORD="${POSTGRES_SUPERUSER_PASSWORD:-caravan}"
    ),
    rules.idle_commands: lambda parts: parts["relay"].update(command=["python", "-m", "relay"]),
}
OTHER_MISTAKES: list[tuple[Rule, Spoil]] = [
    (
        rules.floating_images,
        lambda parts: parts["temporal"].update(image="temporalio/auto-setup:1.29.7"),
    ),
    (rules.open_ports, lambda parts: parts["sandbox"].update(ports=parts["api"]["ports"])),
    (rules.open_ports, lambda parts: parts["worker"].update(ports=["127.0.0.1:8081:8081"])),
    (rules.stray_storage, lambda parts: parts["api"].update(secrets=["key_rng"])),
    (
        rules.wrong_order,
        lambda parts: parts["migrate"].update(depends_on={"api": {"condition": "service_healthy"}}),
    ),
    (
        rules.wrong_order,
        lambda parts: parts["relay"]["depends_on"].update(migrate={"condition": "service_started"}),
    ),
    (
        rules.unreachable,
        lambda parts: parts["temporal-schema"]["environment"].update(SQL_HOST="database"),
    ),
    (rules.unwatched, lambda parts: parts["relay"].update(restart="on-failure:3")),
    (rules.powerful, lambda parts: parts["worker"].update(user="root")),
    (rules.idle_commands, lambda parts: parts["api"].update(command=["python", "api.py"])),
]


def _schema_objects(file: Path) -> bool:
    """Whether the schema of the compose specification refuses *file*."""
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    judged = subprocess.run([*program, file], capture_output=True, text=True, check=False)
    assert judged.returncode in {0, 1}, judged.stderr
    return judged.returncode == 1


def test_the_file_has_the_form_that_engines_read() -> None:
    """No engine can be assumed where tests run; the specification's schema can."""
    assert not _schema_objects(FILE)


def test_a_file_without_that_form_is_caught(tmp_path: Path) -> None:
    """A check that accepts everything would have accepted this."""
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(FILE.read_text().replace("retries: 3", "retires: 3", 1))

    assert _schema_objects(broken)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_file_keeps_each_rule(rule: Rule) -> None:
    """What is wrong here is found at the first start on somebody's host, or never."""
    assert list(rule(document())) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_each_rule_bites(rule: Rule) -> None:
    """A rule that finds nothing in a spoilt file would find nothing anywhere."""
    spoilt = document()
    RULES[rule](services(spoilt))

    assert list(rule(spoilt))


@pytest.mark.parametrize(("rule", "spoil"), OTHER_MISTAKES)
def test_other_mistakes_are_caught_too(rule: Rule, spoil: Spoil) -> None:
    """Each of these was one keystroke away while the file was written."""
    spoilt = document()
    spoil(services(spoilt))

    assert list(rule(spoilt))


def test_every_command_can_be_imported() -> None:
    """A module that is there and does not import fails in the container alone."""
    ours = [part for part in services(document()).values() if is_ours(part)]
    for module in {part["command"][2] for part in ours}:
        importlib.import_module(module)

    assert len(ours) == 5


def test_every_setting_can_be_set() -> None:
    """A setting that compose does not pass on cannot be used, however well it is documented.

    Add the new one to docker-compose.yml (a name without a value is passed on where it is set)
    and to .env.example.
    """
    passed = {name for part in services(document()).values() for name in environment(part)}

    assert {*known_names(Settings)} - passed == LEFT_OUT


def _required(model: type[BaseModel], path: str) -> Iterator[str]:
    """The variables without a default, in the groups that every process needs."""
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        group = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        if group is not None:
            yield from _required(group, f"{path}{name.upper()}__")
        elif field.is_required():
            yield f"{path}{name.upper()}"


def test_what_has_no_default_stops_the_start_with_a_sentence() -> None:
    """Four processes that restart for ever say it less well than one line does."""
    api = services(document())["api"]
    required = sorted(_required(Settings, PREFIX))
    env = dict.fromkeys(variables(api), "given")

    assert {"CARAVAN_PAYMENT__API_KEY", "CARAVAN_AUTH__ISSUER"} <= set(required)
    for name in required:
        with pytest.raises(Missing, match=rf"{name}: \w.* in \.env"):
            told(api, {key: value for key, value in env.items() if key != name})


def test_the_example_explains_every_variable_and_no_other() -> None:
    """What is not in the example is found by nobody; what nothing reads is believed to work."""
    text = EXAMPLE.replace("\n# ", "\n")
    explained = {name for name in env_file(text) if name.replace("_", "").isupper()}
    read = variables(document()) | {
        name
        for part in services(document()).values()
        for name, value in environment(part).items()
        if value is None
    }

    assert explained - {"COMPOSE_PROFILES"} == read


def test_the_example_sets_no_secret() -> None:
    """A copied example must not start; the blanks are what makes people choose."""
    assert {name: value for name, value in env_file(EXAMPLE).items() if value} == {}


def test_a_password_reaches_only_those_who_log_in_by_it() -> None:
    """Who breaks into the API must not find the password of the tables' owner there."""
    reads = {name: variables(part) for name, part in services(document()).items()}
    holders = {
        owner: {name for name, read in reads.items() if f"POSTGRES_{owner}_PASSWORD" in read}
        for owner in ("SUPERUSER", "OWNER", "CARAVAN", "TEMPORAL")
    }

    assert holders == {
        "SUPERUSER": {"postgres"},
        "OWNER": {"postgres", "migrate"},
        "CARAVAN": {"postgres", "api", "worker", "relay"},
        "TEMPORAL": {"postgres", "temporal-schema", "temporal"},
    }


def test_the_books_are_reached_from_within_alone() -> None:
    """A database on the network of the sandbox world, or of the host, is everybody's."""
    compose = document()
    postgres = services(compose)["postgres"]

    assert compose["networks"]["data"] == {"internal": True}
    assert postgres["networks"] == ["data"]
    assert "ports" not in postgres
    assert "data" not in services(compose)["sandbox"]["networks"]


def test_nobody_is_killed_while_finishing() -> None:
    """A step that is cut off runs again; a letter or a call may go out twice for it."""
    parts = services(document())

    assert _span(parts["worker"]["stop_grace_period"]) > wiring._GRACE
    assert _span(parts["api"]["stop_grace_period"]) > timedelta(seconds=serving._LAST_WORDS)


def test_temporal_is_told_what_our_processes_were_tried_with() -> None:
    """A server with other limits than the one of the tests is another server."""
    told_it = yaml.safe_load((ROOT / "deploy/temporal/dynamic-config.yaml").read_text())
    wanted = dynamic_config(time_skipping=False)

    assert {name: str(value[0]["value"]).lower() for name, value in told_it.items()} == wanted


def test_jobs_and_services_are_what_the_guide_says() -> None:
    """The order of a start is read from the guide at night."""
    parts = services(document())
    jobs = {name for name, part in parts.items() if is_job(part)}

    assert jobs == {"migrate", "temporal-schema", "temporal-namespace"}
    guide = (ROOT / "docs/deployment.md").read_text()
    assert {name for name in parts if f"`{name}`" not in guide} == set()


def _span(text: str) -> timedelta:
    unit = {"s": "seconds", "m": "minutes"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})
