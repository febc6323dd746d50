"""Each refusal of an answer has its name and its status on the wire."""

import pytest

from pairing_server.approvals.refusals import AuthRequestClosed, TooManyOpen, WrongCode


@pytest.mark.parametrize(
    ("refusal", "code", "status"),
    [
        (WrongCode, "wrong_code", 422),
        (AuthRequestClosed, "auth_request_closed", 409),
        # CIBA Core section 13 has no other name for it.
        (TooManyOpen, "access_denied", 403),
    ],
)
def test_a_refusal_is_named_and_says_what_to_do(refusal, code, status):
    assert (refusal.code, refusal.status) == (code, status)
    assert ": " in refusal.description
