"""Each grant is answered by itself, and no other by any."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.metadata import CIBA_GRANT_TYPE
from pairing_server.oidc.refusals import UnauthorizedClient, UnsupportedGrantType
from pairing_server.oidc.token import TokenFlow
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from pairing_server.registry.clients import Client, ClientStatus

WAIT = timedelta(seconds=3)
CODE = "authorization_code"
KNOWN = Client(
    id="his",
    name="HIS",
    jwks={},
    uras=(),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=datetime(2026, 11, 26, tzinfo=UTC),
)


class EchoingGrant:
    """A grant that answers with what it was handed."""

    def __init__(self, name):
        self._name = name

    async def token(self, form, client, wait, confirmation):
        return {"grant": self._name, "sent": (form, client, wait, confirmation)}


@pytest.fixture
def flow():
    return TokenFlow({CIBA_GRANT_TYPE: EchoingGrant("first"), CODE: EchoingGrant("second")})


@pytest.mark.parametrize(("name", "grant"), [(CIBA_GRANT_TYPE, "first"), (CODE, "second")])
async def test_the_grant_that_is_named_answers(flow, name, grant):
    form = {"grant_type": name, "code": "x"}
    answer = await flow.token(form, KNOWN, WAIT, {"jkt": "x"})
    assert answer == {"grant": grant, "sent": (form, KNOWN, WAIT, {"jkt": "x"})}


@pytest.mark.parametrize("name", ["three", "Authorization_code", "one two", "password"])
async def test_no_other_grant_is_answered(flow, name):
    with pytest.raises(UnsupportedGrantType):
        await flow.token({"grant_type": name}, KNOWN, WAIT)


async def test_a_client_has_the_grants_that_it_is_registered_for(flow):
    client = replace(KNOWN, metadata=ClientMetadata(grant_types=(GrantType.CIBA,)))
    assert (await flow.token({"grant_type": CIBA_GRANT_TYPE}, client, WAIT))["grant"] == "first"
    with pytest.raises(UnauthorizedClient):
        await flow.token({"grant_type": CODE}, client, WAIT)


async def test_a_request_names_its_grant(flow):
    with pytest.raises(InvalidRequest):
        await flow.token({"code": "x"}, KNOWN, WAIT)
