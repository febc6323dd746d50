"""What the base URL may be: an origin, which is compared byte by byte."""

import re
from typing import Annotated

from pydantic import AfterValidator

MAX_PORT = 65535
DEFAULT_PORTS = {"http": "80", "https": "443"}
#: A name as browsers write it.  Its last label begins with a letter: what ends in a number is an
#: address, in whatever form (URL Standard, "ends in a number"), and passkeys are bound to a name.
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)


def _is_an_origin(value: str) -> str:
    """Take only what a browser sends back as `Origin`, which is compared byte by byte."""
    scheme, _, authority = value.partition("://")
    host, colon, port = authority.partition(":")
    if scheme not in DEFAULT_PORTS or not host:
        raise ValueError("must be an https URL such as https://login.example.nl")
    if set(authority) & set("/?#\\"):
        raise ValueError("must end after the host: no path and no slash at the end")
    if not _HOST.fullmatch(host):
        raise ValueError("must name a host in lower case, not an address or a user")
    if scheme == "http" and host != "localhost":
        raise ValueError("must be https; plain http is for localhost only")
    if port == DEFAULT_PORTS[scheme]:
        raise ValueError("must not name the default port: browsers leave it out")
    if colon and not (_PORT.fullmatch(port) and int(port) <= MAX_PORT):
        raise ValueError("must have a port of 1 to 65535, or none")
    return value


#: `https://host` or `https://host:port`; on this machine, `http://localhost`.
BaseUrl = Annotated[str, AfterValidator(_is_an_origin)]
