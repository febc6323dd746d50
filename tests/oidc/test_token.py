"""Each grant is answered by itself, and no other by any."""

from datetime import timedelta

import pytest

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.refusals import UnsupportedGrantType
from pairing_server.oidc.token import TokenFlow

WAIT = timedelta(seconds=3)


class EchoingGrant:
    """A grant that answers with what it was handed."""

    def __init__(self, name):
        self._name = name

    async def token(self, form, client, wait):
        return {"grant": self._name, "form": form, "client": client, "wait": wait}


@pytest.fixture
def flow():
    return TokenFlow({"one": EchoingGrant("first"), "two": EchoingGrant("second")})


@pytest.mark.parametrize(("name", "grant"), [("one", "first"), ("two", "second")])
async def test_the_grant_that_is_named_answers(flow, name, grant):
    form = {"grant_type": name, "code": "x"}
    answer = await flow.token(form, "client", WAIT)
    assert answer == {"grant": grant, "form": form, "client": "client", "wait": WAIT}


@pytest.mark.parametrize("name", ["three", "One", "one two", "urn:openid:params:grant-type:ciba"])
async def test_no_other_grant_is_answered(flow, name):
    with pytest.raises(UnsupportedGrantType):
        await flow.token({"grant_type": name}, "client", WAIT)


async def test_a_request_names_its_grant(flow):
    with pytest.raises(InvalidRequest):
        await flow.token({"code": "x"}, "client", WAIT)
