"""Auth requests and answers as values, and strategies that draw them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from pairing_server.approvals.auth_request import (
    CODE_ATTEMPTS,
    Answer,
    AuthRequest,
    Decision,
    DenyReason,
    Shown,
    Status,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CODE = "042917"
SHOWN = Shown(
    client="HIS",
    organisation="De Linde",
    ura="90000001",
    role_code="01.015",
    workstation="Balie 2",
    location="Wachtkamer",
    message="Recept",
    nonce="n",
    requested_at="2026-11-22T12:00:00Z",
)
PENDING = AuthRequest(
    id="r",
    status=Status.PENDING,
    client_id="c",
    person_id="p",
    workstation_id="w",
    scope="openid uzi",
    shown=SHOWN,
    code=CODE,
    expires_at=NOW + timedelta(minutes=2),
)


def approval(digest="yes"):
    return Answer(
        decision=Decision.APPROVE,
        credential_id="k",
        digest=digest,
        sign_count=1,
        evidence={"signature": digest},
    )


def denial(digest="no", reason=DenyReason.NOT_ME):
    return Answer(decision=Decision.DENY, credential_id="k", digest=digest, reason=reason)


answers = st.builds(approval, st.sampled_from("abc")) | st.builds(denial, st.sampled_from("xyz"))
times = st.timedeltas(timedelta(minutes=-1), timedelta(minutes=4)).map(lambda shift: NOW + shift)


@st.composite
def auth_requests(draw):
    """Any record that the server can have written."""
    status = draw(st.sampled_from([status for status in Status if status is not Status.EXPIRED]))
    wrong = tuple("123"[: draw(st.integers(0, CODE_ATTEMPTS - 1))])
    answered = status in (Status.CLAIMED, Status.APPROVED, Status.DENIED, Status.REDEEMED)
    answer = draw(answers) if answered else None
    return replace(
        PENDING, status=status, wrong_answers=wrong, answer=answer, reason=answer and answer.reason
    )
