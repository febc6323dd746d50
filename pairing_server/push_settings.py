"""What settings about push services may hold; mistakes are told without their values."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from pairing_server.apns_settings import ApnsSettings
from pairing_server.destination import EgressError, read_url
from pairing_server.egress_settings import OutsideHost

_MAIL = re.compile(
    r"mailto:[A-Za-z0-9._%+-]{1,64}@(?P<host>(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63})"
)
#: Names that nobody can have (RFC 2606, RFC 6761): Apple refuses them with BadJwtToken.
_NOBODYS = frozenset({"example", "invalid", "local", "localhost", "test"})


def _is_secure(url: str) -> str:
    try:
        fine = read_url(url).scheme == "https"
    except EgressError:
        fine = False
    if not fine or url.count("/") > len("//"):
        raise ValueError("must be https://host[:port], without a path")
    return url


def _is_contact(contact: str) -> str:
    """Check what a push service is told of us (RFC 8292 section 2.1)."""
    mail = _MAIL.fullmatch(contact)
    try:
        host = mail["host"].lower() if mail else read_url(contact).host
    except EgressError:
        host = ""
    if "." not in host or not (mail or contact.startswith("https:")):
        raise ValueError("must be mailto:name@host, or an https:// URL")
    if host.rpartition(".")[2] in _NOBODYS:
        raise ValueError("must be on a host that can exist: some services refuse all else")
    return contact


#: Where a push service listens.
ServiceUrl = Annotated[str, AfterValidator(_is_secure)]
#: Whom a push service asks when something is wrong with what we send.
Contact = Annotated[str, AfterValidator(_is_contact)]


class PushSettings(ApnsSettings):
    """The part of the settings that is about push services."""

    fcm_service_account_file: Path | None = Field(
        None, description="The service account's key of FCM, JSON; without it FCM wakes no phone."
    )
    fcm_url: ServiceUrl = Field(
        "https://fcm.googleapis.com", description="Where FCM listens; another one for tests."
    )
    webpush_contact: Contact | None = Field(
        None,
        description=(
            "Whom Web Push services ask, mailto: or https:; without it Web Push wakes no phone."
        ),
    )
    push_hosts: tuple[OutsideHost, ...] = Field(
        (), description="Web Push and UnifiedPush servers that phones may name besides the known."
    )
    push_ca_file: Path | None = Field(
        None,
        description="PEM of what signs push services' certificates, in place of the system's.",
    )

    @field_validator("push_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]
