"""What settings about calls to the outside may hold; mistakes are told without their values."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from pairing_server.destination import EgressError, read_entry, read_proxy, read_url


def _is_called(url: str) -> str:
    try:
        read_url(url)
    except EgressError as error:
        raise ValueError("must be http:// or https:// URLs of named hosts") from error
    return url


def _is_entry(entry: str) -> str:
    read_entry(entry)
    return entry


def _is_proxy(url: SecretStr) -> SecretStr:
    read_proxy(url.get_secret_value())
    return url


#: A URL that the server calls.
OutsideUrl = Annotated[str, AfterValidator(_is_called)]
#: `host` or `host:port`.
OutsideHost = Annotated[str, AfterValidator(_is_entry)]
#: `http://[user:password@]host:port`.
OutsideProxy = Annotated[SecretStr, AfterValidator(_is_proxy)]
