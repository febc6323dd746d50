"""Settings: what differs between two real installations, from the environment and a file."""

import os
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "PAIRING_"


class SettingsError(Exception):
    """Everything that is wrong with the settings, one sentence a mistake, without the values."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class AssuranceLevel(StrEnum):
    """eIDAS levels of assurance, as `acr` values (CIR (EU) 2015/1502)."""

    LOW = "http://eidas.europa.eu/LoA/low"
    SUBSTANTIAL = "http://eidas.europa.eu/LoA/substantial"
    HIGH = "http://eidas.europa.eu/LoA/high"

    @classmethod
    def _missing_(cls, value: object) -> "AssuranceLevel | None":
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


class UziEnvironment(StrEnum):
    """Whose OIDs and issuer names a card must have."""

    PRODUCTION = "production"
    TEST = "test"


class LogFormat(StrEnum):
    """How log lines are written."""

    JSON = "json"
    CONSOLE = "console"


class Settings(BaseSettings):
    """Each setting is `PAIRING_<NAME>` in the environment or `<name>` in the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    base_url: str = Field(
        "http://localhost:8080",
        description="What browsers, phones and workstations call this server; also the issuer.",
    )
    listen: str = Field("127.0.0.1", description="The address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None, description="The port to listen on; by default that of the base URL."
    )
    data_dir: Path = Field(
        Path("data"), description="Where the embedded stores and generated keys live."
    )
    redis_url: SecretStr | None = Field(
        None, description="Valkey or Redis; without it an own Valkey is started."
    )
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL or SQLite; without it SQLite in the data directory."
    )
    seal_key_file: Path | None = Field(
        None, description="32 bytes in base64url that seal the signing keys; made at first start."
    )
    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        "main", description="This node's name: its audit chain; unique among the nodes."
    )
    uzi_environment: UziEnvironment = Field(
        UziEnvironment.PRODUCTION, description="Which UZI cards are accepted."
    )
    uzi_anchors: tuple[Path, ...] = Field(
        (), description="PEM or DER files of the root certificates that cards must lead to."
    )
    uzi_crl_dir: Path | None = Field(
        None, description="The directory of the issuers' revocation lists, kept fresh by you."
    )
    android_apk_key_hashes: tuple[str, ...] = Field(
        (), description="SHA-256 of the Android app's signing certificates, base64url."
    )
    synced_acr: AssuranceLevel = Field(
        AssuranceLevel.LOW,
        description="What a synced passkey or one without attestation earns: low or substantial.",
    )
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = Field(
        "info", description="The least that is logged."
    )
    log_format: LogFormat = Field(LogFormat.JSON, description="json or console.")

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise ValueError("must be an https URL such as https://login.example.nl")
        if parts.path or parts.query or parts.fragment:
            raise ValueError("must end after the host: no path and no slash at the end")
        if parts.scheme == "http" and host != "localhost":
            raise ValueError("must be https; plain http is for localhost only")
        try:
            ip_address(host)
        except ValueError:
            pass
        else:
            raise ValueError("must be a name, not an address: passkeys are bound to a name")
        if value != value.lower():
            raise ValueError("must be in lower case, as browsers write it")
        if value.endswith((":80" if parts.scheme == "http" else ":443", ":")):
            raise ValueError("must not name the default port: browsers leave it out")
        return value

    @field_validator("uzi_anchors", "android_apk_key_hashes", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part for part in value.split(",") if part] if isinstance(value, str) else value

    @field_validator("synced_acr")
    @classmethod
    def _never_high(cls, value: AssuranceLevel) -> AssuranceLevel:
        if value is AssuranceLevel.HIGH:
            raise ValueError("must be low or substantial: a key without attestation is never high")
        return value

    @property
    def origin(self) -> str:
        """The base URL's origin (RFC 6454), which is the base URL itself."""
        return self.base_url

    @property
    def host(self) -> str:
        """The `Host` header that requests must carry."""
        return urlsplit(self.base_url).netloc

    @property
    def rp_id(self) -> str:
        """The WebAuthn RP id: the host of the base URL."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_https(self) -> bool:
        """Whether there is TLS in front, so that cookies are `Secure`."""
        return self.base_url.startswith("https:")

    @property
    def listen_port(self) -> int:
        """The port to listen on."""
        if self.port is not None:
            return self.port
        return urlsplit(self.base_url).port or (443 if self.is_https else 80)

    @property
    def webauthn_origins(self) -> list[str]:
        """Origins that a phone's client data may name (WebAuthn section 7.1 step 9)."""
        return [
            self.origin,
            *(f"android:apk-key-hash:{key_hash}" for key_hash in self.android_apk_key_hashes),
        ]

    @property
    def registry_url(self) -> str:
        """The registry's database."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data_dir / 'registry.sqlite3').absolute()}"

    def cookie_name(self, name: str) -> str:
        """Return the cookie's full name: `__Host-` pins it to this host over TLS (RFC 6265bis)."""
        return f"__Host-{name}" if self.is_https else name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` hands in and nothing that happens to lie about."""
        _ = settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


class _Environment(EnvSettingsSource):
    """`PAIRING_` variables; lists are separated by commas, not JSON."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name.lower(): value for name, value in environ.items()}
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._environ

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        _ = field_name, field
        return value


def load(
    environ: Mapping[str, str] | None = None, file: Path | None = None, **overrides: Any
) -> Settings:
    """Read the settings: overrides before the environment before the file.

    Raises:
        SettingsError: with all mistakes at once, none of them quoting a value.
    """
    environ = os.environ if environ is None else environ
    mistakes = [
        f"{name} is not a setting; see `pairing-server check --help` for the list."
        for name in environ
        if name.startswith(PREFIX)
        and name.removeprefix(PREFIX).lower() not in {*Settings.model_fields, "config"}
    ]
    values: dict[str, Any] = {}
    file = file or (Path(environ[PREFIX + "CONFIG"]) if PREFIX + "CONFIG" in environ else None)
    if file is not None:
        try:
            values |= TomlConfigSettingsSource(Settings, file)()
        except (OSError, ValueError) as error:
            mistakes.append(f"The file {file} cannot be read as TOML: {_reason(error)}.")
        else:
            if not file.is_file():
                mistakes.append(f"The file {file} is not there.")
    values |= {name: value for name, value in _Environment(environ)().items() if value != ""}
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        mistakes += [
            f"{PREFIX}{str(item['loc'][0]).upper()}: {_sentence(item['msg'])}"
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _reason(error: Exception) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else "not TOML"


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").removesuffix(".") + "."


__all__ = [
    "AssuranceLevel",
    "InitSettingsSource",
    "LogFormat",
    "Settings",
    "SettingsError",
    "UziEnvironment",
    "load",
]
