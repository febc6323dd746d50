"""Settings: what differs between two real installations, from the environment and a file."""

import os
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pairing_server.app_link_settings import AndroidPackage, ApkKeyHash, IosAppId
from pairing_server.base_url_settings import DEFAULT_PORTS, MAX_PORT, BaseUrl
from pairing_server.egress_settings import OutsideHost, OutsideProxy, OutsideUrl
from pairing_server.mail_settings import MailSettings
from pairing_server.push_settings import PushSettings

PREFIX = "PAIRING_"
#: Names the file; the one variable that is not a setting.
CONFIG = f"{PREFIX}CONFIG"


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
    ACCEPTANCE = "acceptance"
    TEST = "test"


class LogFormat(StrEnum):
    """How log lines are written."""

    JSON = "json"
    CONSOLE = "console"


class Settings(PushSettings, MailSettings):
    """Each setting is `PAIRING_<NAME>` in the environment or `<name>` in the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    base_url: BaseUrl = Field(
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
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks of proxies whose X-Forwarded-For is believed, as 10.0.0.0/8."
    )
    client_rate: Annotated[int, Field(ge=1, le=100_000)] = Field(
        100, description="How many logins a second a client may ask for; at once, twenty times."
    )
    contact: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None,
        description="Whom people ask whose organisation is not registered: a name, a number.",
    )
    audit_retention_years: Annotated[int, Field(ge=5, le=100)] = Field(
        5, description="How long `audit prune` keeps events; no less than five years."
    )
    uzi_environment: UziEnvironment = Field(
        UziEnvironment.PRODUCTION, description="Which UZI cards are accepted."
    )
    uzi_hierarchy_file: Path | None = Field(
        None, description="A hierarchy of your own, in TOML, instead of the one that ships."
    )
    uzi_anchors: tuple[Path, ...] = Field(
        (),
        description="Further roots of cards: PEM or DER files, or SHA-256 fingerprints.",
    )
    uzi_online: bool = Field(
        True,  # noqa: FBT003
        description="Whether revocation lists are fetched and OCSP responders asked.",
    )
    uzi_crl_urls: tuple[OutsideUrl, ...] = Field(
        (), description="Where lists are fetched, in the place of the published addresses."
    )
    uzi_crl_every_minutes: Annotated[int, Field(ge=5, le=720)] = Field(
        60, description="How often lists are fetched; they are published hourly."
    )
    uzi_ocsp_url: OutsideUrl | None = Field(
        None, description="The OCSP responder, in the place of the one that a card names."
    )
    uzi_ocsp_nonce: bool = Field(
        True,  # noqa: FBT003
        description="Whether OCSP responses made before they were asked for count as disrupted.",
    )
    uzi_revocation_hosts: tuple[OutsideHost, ...] = Field(
        (), description="Further hosts (or host:port) that cards may name for lists and OCSP."
    )
    egress_proxy: OutsideProxy | None = Field(
        None, description="The HTTP proxy for calls to the outside: http://[user:pass@]host:port."
    )
    egress_inside: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks of your own that may be called, as 10.1.2.0/24; else none are."
    )
    client_ca_file: Path | None = Field(
        None, description="PEM of what signs clients' own certificates, beside the system's."
    )
    uzi_crl_dir: Path | None = Field(
        None, description="The directory of the issuers' revocation lists, kept fresh by you."
    )
    uzi_issuers: tuple[Path, ...] = Field(
        (), description="PEM or DER files of authorities that browsers show cards without."
    )
    tls_certificate_file: Path | None = Field(
        None, description="PEM of the certificate, with its issuers, of a TLS listener for cards."
    )
    tls_key_file: Path | None = Field(
        None, description="The key of that certificate, PEM.", validate_default=True
    )
    client_cert_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks of proxies whose Client-Cert is believed, as 10.0.0.5/32."
    )
    client_authorities: tuple[Path, ...] = Field(
        (), description="PEM or DER files of authorities whose certificates clients log in with."
    )
    mtls_port: Annotated[int, Field(ge=1, le=MAX_PORT)] | None = Field(
        None,
        description="Where certificates are shown: the TLS listener's port, or a proxy's.",
        validate_default=True,
    )
    mtls_listen: str = Field(
        "0.0.0.0",  # noqa: S104  (for browsers, which are anywhere)
        description="The address of the TLS listener for cards.",
    )
    android_apk_key_hashes: tuple[ApkKeyHash, ...] = Field(
        (), description="SHA-256 of the Android app's signing certificates, base64url."
    )
    android_package: AndroidPackage | None = Field(
        None, description="The Android app that opens links of this server, as nl.example.app."
    )
    ios_app_ids: tuple[IosAppId, ...] = Field(
        (), description="The iOS apps that do: team and bundle, as ABCDE12345.nl.example.app."
    )
    synced_acr: AssuranceLevel = Field(
        AssuranceLevel.LOW,
        description="What a synced passkey or one without attestation earns: low or substantial.",
    )
    attestation_dir: Path | None = Field(
        None,
        description=(
            "The directory of makers' roots that keys may lead to, besides those that ship."
        ),
    )
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = Field(
        "info", description="The least that is logged."
    )
    log_format: LogFormat = Field(LogFormat.JSON, description="json or console.")

    @field_validator(
        *("uzi_anchors", "android_apk_key_hashes", "ios_app_ids", "trusted_proxies"),
        *("uzi_issuers", "client_cert_proxies", "client_authorities"),
        *("uzi_crl_urls", "uzi_revocation_hosts", "egress_inside"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]

    @field_validator("synced_acr")
    @classmethod
    def _never_high(cls, value: AssuranceLevel) -> AssuranceLevel:
        if value is AssuranceLevel.HIGH:
            raise ValueError("must be low or substantial: a key without attestation is never high")
        return value

    @field_validator("client_cert_proxies")
    @classmethod
    def _never_everybody(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(network.prefixlen == 0 for network in value):
            raise ValueError("must name the proxies: whoever is named logs in as anybody")
        return value

    @field_validator("egress_inside")
    @classmethod
    def _never_everywhere(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(network.prefixlen == 0 for network in value):
            raise ValueError("must name networks of your own, and not all there are")
        return value

    @field_validator("tls_key_file")
    @classmethod
    def _belongs_to_a_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("tls_certificate_file") is None):
            raise ValueError(f"must be set with {PREFIX}TLS_CERTIFICATE_FILE, and not without")
        return value

    @field_validator("mtls_port")
    @classmethod
    def _is_used(cls, value: int | None, info: ValidationInfo) -> int | None:
        listens = info.data.get("tls_certificate_file") is not None
        if value is None and listens:
            raise ValueError(f"must be set with {PREFIX}TLS_CERTIFICATE_FILE")
        if value is not None and not (listens or info.data.get("client_cert_proxies")):
            raise ValueError(f"needs {PREFIX}TLS_CERTIFICATE_FILE or {PREFIX}CLIENT_CERT_PROXIES")
        # Certificates are public: a proxy that lets a caller's own field pass hands on anybody's.
        ordinary = urlsplit(info.data.get("base_url", "")).port or int(DEFAULT_PORTS["https"])
        if info.data.get("client_authorities") and value in (None, ordinary):
            raise ValueError(
                f"must be a port of its own where {PREFIX}CLIENT_AUTHORITIES names any"
            )
        return value

    @property
    def mtls_origin(self) -> str | None:
        """Where browsers show a card, `None` where nobody asks for one.

        The base URL's host, so that a cookie set there is the base URL's, too.
        """
        if self.tls_certificate_file is None and not self.client_cert_proxies:
            return None
        if self.mtls_port is None:
            return self.origin
        port = "" if self.mtls_port == int(DEFAULT_PORTS["https"]) else f":{self.mtls_port}"
        return f"https://{self.rp_id}{port}"

    @property
    def mtls_host(self) -> str:
        """The `Host` header that a request with a card must carry."""
        return urlsplit(self.mtls_origin or self.origin).netloc

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


_VARIABLES = frozenset({CONFIG, *(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)})


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
    everything = os.environ if environ is None else environ
    environ = {name: value for name, value in everything.items() if name in _VARIABLES}
    mistakes = [
        f"{name} is not a setting; see `pairing-server check --list` for those that are."
        for name in everything
        if name.startswith(PREFIX) and name not in _VARIABLES
    ]
    named = environ.get(CONFIG)
    values = _from_file(file or (Path(named) if named else None), mistakes)
    values |= {name: value for name, value in _Environment(environ)().items() if value != ""}
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        told = (
            f"{PREFIX}{str(item['loc'][0]).upper()}: {_sentence(item['type'], item['msg'])}"
            for item in error.errors()
        )
        # An address that is of neither version is told of for both.
        mistakes += dict.fromkeys(told)
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _from_file(file: Path | None, mistakes: list[str]) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        mistakes.append(f"The file {file} cannot be read: {error.strerror}.")
    except ValueError:
        # What the parser says of it quotes the line, which may be a password's.
        mistakes.append(f"The file {file} is not TOML in UTF-8.")
    return {}


def _sentence(kind: str, message: str) -> str:
    if kind in {"ip_v4_network", "ip_v6_network"}:
        return "must be addresses or networks, as 10.0.0.5 or 10.0.0.0/8."
    return message.removeprefix("Value error, ").removesuffix(".") + "."
