"""What a workstation asks for, and what it has to show while somebody answers."""

from collections.abc import Mapping
from typing import TypedDict

import msgspec

from clients.wire import JSONObject

GRANT_TYPE = "urn:openid:params:grant-type:ciba"
DEVICE_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"


class RequestOptions(TypedDict, total=False):
    """The optional parameters of an authentication request."""

    scope: str
    binding_message: str | None
    request_context: Mapping[str, str] | None
    ura: str | None
    acr_values: str | None
    requested_expiry: int | None


class Started(msgspec.Struct, frozen=True):
    """A request under way; show `binding_code` to the person at the workstation."""

    auth_req_id: str
    expires_in: int
    binding_code: str = ""
    interval: int = 5
    qr_events_uri: str = ""

    @property
    def secret(self) -> str:
        """What opens the frames."""
        return self.auth_req_id

    def poll_form(self) -> dict[str, str]:
        """Return what a poll says."""
        return {"grant_type": GRANT_TYPE, "auth_req_id": self.auth_req_id}


class DeviceStarted(msgspec.Struct, frozen=True):
    """A login for whoever scans (RFC 8628); show the frames, and `binding_code` beside them.

    Show `user_code` only where it was agreed that people may type it.
    """

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int
    binding_code: str = ""
    interval: int = 5
    qr_events_uri: str = ""

    @property
    def secret(self) -> str:
        """What opens the frames."""
        return self.device_code

    @property
    def auth_req_id(self) -> str:
        """There is none, so that no ID token names one."""
        return ""

    def poll_form(self) -> dict[str, str]:
        """Return what a poll says."""
        return {"grant_type": DEVICE_GRANT_TYPE, "device_code": self.device_code}


AnyStarted = Started | DeviceStarted


def request_form(options: RequestOptions) -> JSONObject:
    """Return what a request says beside for whom it is."""
    context = options.get("request_context")
    return {
        "scope": options.get("scope", "openid uzi"),
        "binding_message": options.get("binding_message"),
        "request_context": context and msgspec.json.encode(context).decode(),
        "ura": options.get("ura"),
        "acr_values": options.get("acr_values"),
        "requested_expiry": options.get("requested_expiry"),
    }
