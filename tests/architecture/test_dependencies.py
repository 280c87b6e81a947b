"""Every package is there for a reason that somebody wrote down."""

import re
import tomllib

from tests.support.source import ROOT


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    own_groups = project["dependency-groups"].values()
    groups = [project["project"]["dependencies"], *extras, *own_groups]
    return {_name(requirement) for group in groups for requirement in group}


def _explained() -> set[str]:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    return set(re.findall(r"^\| ([a-z][\w-]+) \|", text, re.MULTILINE)) - {"package"}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=]", requirement)[0]


def test_every_dependency_is_explained_and_nothing_else_is() -> None:
    """A package without a reason is never removed, and each is a door for others."""
    assert _explained() == _declared()
