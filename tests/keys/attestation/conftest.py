"""A maker of authenticators, whom the relying party believes."""

import pytest

from pairing_server.keys.ceremony import verify_registration
from tests.keys.handset import CHALLENGE
from tests.keys.makers import Authority, Making, trusting
from tests.keys.statements import STATEMENTS


@pytest.fixture(scope="session")
def maker():
    return Authority.root()


@pytest.fixture(scope="session")
def believer(maker):
    return trusting(maker)


@pytest.fixture
def registered(maker, believer):
    """Verify a statement of the maker's, wrong in what is named."""

    def verify(kind, making=None, rp=believer, issuer=maker, **wrong):
        making = making or Making()
        response = making.response(kind, STATEMENTS[kind](making, issuer, **wrong))
        return verify_registration(rp, response, CHALLENGE)

    return verify
