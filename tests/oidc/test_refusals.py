"""Each refusal has the name and the status of its standard."""

import pytest

from pairing_server.oidc import refusals
from pairing_server.oidc.refusals import AccessDenied


@pytest.mark.parametrize(
    ("refusal", "code", "status"),
    [
        (refusals.InvalidClient, "invalid_client", 401),
        (refusals.InvalidScope, "invalid_scope", 400),
        (refusals.InvalidBindingMessage, "invalid_binding_message", 400),
        (refusals.UnknownUserId, "unknown_user_id", 400),
        (refusals.UnsupportedGrantType, "unsupported_grant_type", 400),
        (refusals.InvalidGrant, "invalid_grant", 400),
        (refusals.AuthorizationPending, "authorization_pending", 400),
        (refusals.SlowDown, "slow_down", 400),
        (refusals.ExpiredToken, "expired_token", 400),
        (refusals.AccessDenied, "access_denied", 400),
    ],
)
def test_a_refusal_has_its_standards_name(refusal, code, status):
    assert (refusal.code, refusal.status) == (code, status)


def test_a_denial_says_why():
    assert AccessDenied("not_me").members == {"reason": "not_me"}
