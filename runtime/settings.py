"""Settings: read once from the environment, grouped, frozen; a misspelling stops the start.

Names are `CARAVAN_` + group + `__` + field, such as `CARAVAN_PAYMENT__API_KEY`. Only
`runtime.wiring` hands them on; no other module reads the environment.
"""

import os
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from persistence.urls import asyncpg_url
from runtime.spelling import PREFIX, known_names, misspelt

Port = Annotated[int, Field(gt=0, lt=65536)]
Group = TypeVar("Group")


class SettingsError(Exception):
    """The settings cannot be used; the message says which variable, and never its value."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TemporalSettings(_Group):
    """Where Temporal is. What is not set here comes from Temporal's own profile and variables."""

    address: str | None = None
    namespace: str | None = None
    task_queue: str = "caravan"
    api_key: SecretStr | None = None
    tls: bool | None = None

    def connection(self) -> ClientConnectConfig:
        """Return the arguments of `Client.connect`, secrets in clear."""
        config = ClientConfig.load_client_connect_config()
        config.setdefault("target_host", "127.0.0.1:7233")
        config.setdefault("namespace", "default")
        if self.address:
            config["target_host"] = self.address
        if self.namespace:
            config["namespace"] = self.namespace
        if self.api_key:
            config["api_key"] = self.api_key.get_secret_value()
        if self.tls is not None:
            config["tls"] = self.tls
        return config


class PaymentSettings(_Group):
    """The payment provider; `api_base` is the sandbox world, or the provider's own if unset.

    `webhook_secret` may be several, separated by commas: each endpoint signs with its own.
    """

    provider: Literal["stripe"] = "stripe"
    api_base: HttpUrl | None = None
    api_key: SecretStr
    webhook_secret: SecretStr

    @model_validator(mode="after")
    def _a_live_key_stays_out_of_the_sandbox(self) -> Self:
        if self.api_base is not None and "_live_" in self.api_key.get_secret_value():
            raise ValueError("a live key must not be sent to a sandbox: unset api_base")
        return self


class LogisticsSettings(_Group):
    """The carrier aggregator; `api_base` is the sandbox world, or the provider's own if unset."""

    provider: Literal["easypost"] = "easypost"
    api_base: HttpUrl | None = None
    api_key: SecretStr
    webhook_secret: SecretStr

    @model_validator(mode="after")
    def _a_live_key_stays_out_of_the_sandbox(self) -> Self:
        # EasyPost's production keys begin with EZAK, its test keys with EZTK.
        if self.api_base is not None and self.api_key.get_secret_value().startswith("EZAK"):
            raise ValueError("a live key must not be sent to a sandbox: unset api_base")
        return self


class FxSettings(_Group):
    """Where reference rates are read: `api_base` is the sandbox's folder, or the ECB's if unset."""

    api_base: HttpUrl | None = None


class MailSettings(_Group):
    """The SMTP relay that notices leave by."""

    host: str
    port: Port = 25
    username: str | None = None
    password: SecretStr | None = None
    sender: str
    starttls: bool = True


class AuthSettings(_Group):
    """Who vouches for callers: an OIDC provider, or locally a development key of our own.

    `service_keys` are "name:digest", the SHA-256 (hex) of the key that a service presents.
    """

    issuer: str
    audience: str = "caravan"
    jwks_url: HttpUrl | None = None
    development_key_file: Path | None = None
    service_keys: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if (self.jwks_url is None) == (self.development_key_file is None):
            raise ValueError("set exactly one of jwks_url and development_key_file")
        return self


class KeySettings(_Group):
    """The key ring that wraps data keys: a file, or the ring itself."""

    ring_file: Path | None = None
    ring: SecretStr | None = None

    @model_validator(mode="after")
    def _one_ring(self) -> Self:
        if (self.ring_file is None) == (self.ring is None):
            raise ValueError("set exactly one of ring_file and ring")
        return self


class CodecSettings(_Group):
    """Who may ask for histories in clear; `capability` replaces a token in the local UI."""

    ui_origins: tuple[str, ...] = ()
    capability: SecretStr | None = None


class ApiSettings(_Group):
    """Where the API listens, how others reach it, and how often each caller may ask."""

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: HttpUrl = HttpUrl("http://127.0.0.1:8080")
    requests_per_second: Annotated[float, Field(gt=0)] = 50
    burst: Annotated[int, Field(gt=0)] = 200
    problem_base: str = "/problems"


class ConsoleSettings(_Group):
    """The console as a client of the identity provider, and where it links to.

    Without `authorize_url` and `token_url` there is no console, but in the local profile, where the
    development issuer vouches for whoever visits. ID tokens name the `client_id` as audience.
    """

    client_id: str = "caravan"
    client_secret: SecretStr | None = None
    authorize_url: HttpUrl | None = None
    token_url: HttpUrl | None = None
    temporal_ui: HttpUrl | None = None

    @model_validator(mode="after")
    def _both_ends_of_the_sign_in(self) -> Self:
        if (self.authorize_url is None) != (self.token_url is None):
            raise ValueError("set both of authorize_url and token_url, or neither")
        return self


class WorkerSettings(_Group):
    """The worker's version for Temporal, and where it is watched."""

    deployment_name: str = Field(
        default_factory=lambda: os.environ.get("TEMPORAL_DEPLOYMENT_NAME", "caravan")
    )
    build_id: str = Field(
        default_factory=lambda: os.environ.get("TEMPORAL_WORKER_BUILD_ID", "unversioned")
    )
    host: str = "127.0.0.1"
    metrics_port: Port | None = None
    health_port: Port | None = None


class RelaySettings(_Group):
    """Where the relay is watched."""

    host: str = "127.0.0.1"
    health_port: Port | None = None


class WebhookSettings(_Group):
    """Outgoing webhooks. `private_addresses` lets them go to our own network, also without TLS.

    The local profile always does; elsewhere whoever registers an endpoint could look around.
    """

    private_addresses: bool = False


class EvidenceSettings(_Group):
    """Where the files of disputes are kept: `file:///folder`, or `s3://bucket/prefix`.

    `scanner` looks for malware in each before it is kept: `clamd://host:3310`, "" for nobody.
    """

    store: str = "file:///var/lib/caravan/files"
    scanner: str = ""


class LogSettings(_Group):
    """How to write logs."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """All settings. A group without a default is None until one of its variables is set.

    A variable that is set to nothing is not set: that is how a form is left blank.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    profile: Literal["local", "production"] = "production"
    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_URL", "CARAVAN_DATABASE_URL")
    )
    temporal: TemporalSettings = TemporalSettings()
    payment: PaymentSettings | None = None
    logistics: LogisticsSettings | None = None
    fx: FxSettings = FxSettings()
    mail: MailSettings | None = None
    auth: AuthSettings | None = None
    keys: KeySettings | None = None
    codec: CodecSettings = CodecSettings()
    api: ApiSettings = ApiSettings()
    console: ConsoleSettings = ConsoleSettings()
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    relay: RelaySettings = RelaySettings()
    webhooks: WebhookSettings = WebhookSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    log: LogSettings = LogSettings()

    @field_validator("database_url")
    @classmethod
    def _for_asyncpg(cls, url: SecretStr | None) -> SecretStr | None:
        return SecretStr(asyncpg_url(url.get_secret_value())) if url else None

    @model_validator(mode="after")
    def _development_stays_local(self) -> Self:
        if self.profile != "local" and self.auth and self.auth.development_key_file:
            raise ValueError("the development issuer is refused outside the local profile")
        if self.profile != "local" and self.codec.capability:
            raise ValueError("a codec capability is refused outside the local profile")
        return self

    @classmethod
    def load(cls) -> Self:
        """Read the environment. Raise `SettingsError`, which names each wrong variable."""
        if sentences := misspelt(os.environ, known_names(cls)):
            raise SettingsError("\n".join(sentences))
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("\n".join(_sentences(error))) from None


def required(group: Group | None, name: str) -> Group:
    """Return *group*, or raise `SettingsError` saying that settings called *name* are missing."""
    if group is None:
        raise SettingsError(f"No variable {PREFIX}{name.upper()}__... is set, and this needs one.")
    return group


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{PREFIX}{'__'.join(str(part).upper() for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    ]
