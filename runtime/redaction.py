"""Keeps secrets and personal data out of logs, whoever puts them in."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import SecretStr

_HIDDEN: Final = "[redacted]"
# Compared without case and separators: `Api-Key`, `api_key` and `apiKey` are one.
_SENSITIVE: Final = frozenset(
    {
        "address", "apikey", "authorization", "card", "clientsecret", "cookie", "databaseurl",
        "email", "iban", "keymaterial", "password", "phone", "privatekey", "recipient", "secret",
        "setcookie", "street", "stripesignature", "token", "webhooksecret", "xhmacsignature",
    }
)  # fmt: skip
_SECRETS_IN_TEXT: Final = re.compile(
    r"\b(?:sk|rk|pk)_(?:live|test)_\w+|\bwhsec_\w+|\bEZ[AT]K\w+"
    r"|\bBearer\s+[\w.~+/-]+=*|\beyJ[\w-]+\.[\w-]+\.[\w-]+"
    r"|(?<=://)[^\s:/@]+:[^\s@/]+(?=@)"
    r"|[\w.+-]+@[\w-]+\.[\w.-]*\w"
)


def redact(_logger: object, _method: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hide values under sensitive names, and secrets and mail addresses inside any text."""
    return {name: _cleaned(name, value) for name, value in event.items()}


def _cleaned(name: str, value: Any) -> Any:  # noqa: ANN401  # a log field may be anything
    if isinstance(value, SecretStr) or name.lower().replace("-", "").replace("_", "") in _SENSITIVE:
        return _HIDDEN
    match value:
        case str():
            return _SECRETS_IN_TEXT.sub(_HIDDEN, value)
        case Mapping():
            fields = cast("Mapping[object, Any]", value)
            return {str(key): _cleaned(str(key), inner) for key, inner in fields.items()}
        case list() | tuple():
            return [_cleaned("", inner) for inner in cast("list[Any]", value)]
        case _:
            return value
