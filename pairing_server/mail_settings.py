"""What settings about mail may hold; mistakes are told without their values."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

#: TLS from the first byte (RFC 8314), and TLS after a word (RFC 3207); without it none is sent.
PORTS = {"smtps": 465, "smtp+starttls": 587}
_URL = re.compile(
    r"(?:smtps|smtp\+starttls)://(?:[A-Za-z0-9._~%+-]{1,256}@)?"
    r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?/?",
    re.ASCII,
)
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)


def _is_relay(url: str) -> str:
    # A password in it would be shown wherever settings are.
    if not _URL.fullmatch(url) or not 0 <= (urlsplit(url).port or 0) <= 65535:  # noqa: PLR2004
        raise ValueError("must be smtps:// or smtp+starttls:// [user@]host[:port]")
    return url


def _is_address(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise ValueError("must be an address, as login@example.nl")
    return address


class MailSettings(BaseSettings):
    """The part of the settings that is about mail."""

    mail_from: Annotated[str, AfterValidator(_is_address)] | None = Field(
        None, description="From whom people are mailed about their phones, as login@example.nl."
    )
    smtp_password_file: Path | None = Field(
        None, description="The password of the user in the SMTP URL."
    )
    smtp_ca_file: Path | None = Field(
        None, description="PEM of what signs the mail server's certificate, beside the system's."
    )
    smtp_url: Annotated[str, AfterValidator(_is_relay)] | None = Field(
        None,
        validate_default=True,
        description="The mail server: smtps://[user@]host[:port], or smtp+starttls://; without "
        "it nobody is mailed.",
    )

    @field_validator("smtp_url")
    @classmethod
    def _is_whole(cls, url: str | None, info: ValidationInfo) -> str | None:
        if (url is None) != (info.data.get("mail_from") is None):
            raise ValueError("must be set with PAIRING_MAIL_FROM")
        has_user = url is not None and urlsplit(url).username is not None
        if has_user != (info.data.get("smtp_password_file") is not None):
            raise ValueError(
                "names a user where there is PAIRING_SMTP_PASSWORD_FILE, and else none"
            )
        return url


def relay_of(url: str) -> tuple[str, str, int, str | None]:
    """Return scheme, host, port and user of a mail server."""
    parts = urlsplit(url)
    user = None if parts.username is None else unquote(parts.username)
    return parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], user
