"""What settings about APNs may hold; mistakes are told without their values."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from pairing_server.destination import EgressError, read_url

_TOGETHER = ("apns_key_file", "apns_key_id", "apns_team_id")


class ApnsEnvironment(StrEnum):
    """Which phones' apps are woken: those from the store, or those from Xcode."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


def _is_service(url: str) -> str:
    try:
        fine = read_url(url).scheme == "https"
    except EgressError:
        fine = False
    if not fine or url.count("/") > len("//"):
        raise ValueError("must be https://host[:port], without a path")
    return url


#: As Apple tells them: of a key, or of a developer account.
AppleId = Annotated[str, Field(pattern=r"^[A-Z0-9]{10}$")]
#: As nl.example.login.
BundleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=155)]
ApnsUrl = Annotated[str, AfterValidator(_is_service)]

_URLS = {
    ApnsEnvironment.PRODUCTION: "https://api.push.apple.com",
    ApnsEnvironment.SANDBOX: "https://api.sandbox.push.apple.com",
}


class ApnsSettings(BaseSettings):
    """The part of the settings that is about APNs."""

    apns_key_file: Path | None = Field(
        None, description="The .p8 key for APNs from Apple; without it APNs wakes no phone."
    )
    apns_key_id: AppleId | None = Field(None, description="The id of that key, ten characters.")
    apns_team_id: AppleId | None = Field(
        None, description="The developer account of that key, ten characters."
    )
    apns_topic: BundleId | None = Field(
        None,
        description="The iOS app that is woken: its bundle id, as nl.example.login.",
        validate_default=True,
    )
    apns_environment: ApnsEnvironment = Field(
        ApnsEnvironment.PRODUCTION,
        description="production for apps from the store and TestFlight, sandbox for Xcode's.",
    )
    apns_url: ApnsUrl | None = Field(
        None, description="Where APNs listens, in the place of Apple's address; for tests."
    )

    @field_validator("apns_topic")
    @classmethod
    def _all_or_none(cls, value: str | None, info: ValidationInfo) -> str | None:
        if not info.data.keys() >= set(_TOGETHER):
            return value  # One of them is a mistake that is told already.
        there = {value is not None, *(info.data[name] is not None for name in _TOGETHER)}
        if len(there) > 1:
            raise ValueError(
                "must be set with PAIRING_APNS_KEY_FILE, _KEY_ID and _TEAM_ID, and not without"
            )
        return value

    @property
    def apns_address(self) -> str:
        """Where APNs listens."""
        return self.apns_url or _URLS[self.apns_environment]
