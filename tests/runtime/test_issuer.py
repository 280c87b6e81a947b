"""The development issuer: useful on a newcomer's machine, refused anywhere else."""

from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from domain.actors import Role
from runtime.issuer import DEVELOPMENT_ISSUER, DevelopmentIssuer, DevelopmentIssuerRefused


@pytest.fixture
def issuer(tmp_path: Path) -> DevelopmentIssuer:
    return DevelopmentIssuer.open(tmp_path / "issuer.pem", profile="local")


def _read(issuer: DevelopmentIssuer, token: str) -> dict[str, object]:
    key = jwt.PyJWKSet.from_dict(issuer.jwks()).keys[0]
    claims: dict[str, object] = jwt.decode(
        token, key, algorithms=["ES256"], audience="caravan", issuer=DEVELOPMENT_ISSUER
    )
    return claims


def test_production_refuses_the_development_issuer(tmp_path: Path) -> None:
    """It makes anybody an operator."""
    with pytest.raises(DevelopmentIssuerRefused, match="CARAVAN_AUTH__JWKS_URL"):
        DevelopmentIssuer.open(tmp_path / "issuer.pem", profile="production")

    assert not (tmp_path / "issuer.pem").exists()


@pytest.mark.parametrize("role", Role)
def test_every_role_gets_a_token_that_the_public_key_confirms(
    issuer: DevelopmentIssuer, role: Role
) -> None:
    """The API checks it as it would check a real provider's."""
    claims = _read(issuer, issuer.mint(role, "x-1"))

    assert (claims["role"], claims["sub"]) == (role.value, "x-1")
    assert claims.get("seller") == ("x-1" if role is Role.SELLER else None)


def test_a_token_ends(issuer: DevelopmentIssuer) -> None:
    """A token in a shell's history must not open the door for ever."""
    stale = issuer.mint(Role.BUYER, "b-1", ttl=timedelta(seconds=-1))

    with pytest.raises(jwt.ExpiredSignatureError):
        _read(issuer, stale)


def test_tokens_survive_a_restart(tmp_path: Path, issuer: DevelopmentIssuer) -> None:
    """A second `up` must take the tokens that the first one printed."""
    again = DevelopmentIssuer.open(tmp_path / "issuer.pem", profile="local")

    assert _read(again, issuer.mint(Role.AUDITOR, "a-1"))["sub"] == "a-1"


def test_only_the_owner_reads_the_key(tmp_path: Path, issuer: DevelopmentIssuer) -> None:
    """Whoever reads it is anybody."""
    assert issuer.jwks()
    assert (tmp_path / "issuer.pem").stat().st_mode & 0o077 == 0
