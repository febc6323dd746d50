import pytest

from tests.pages.visitor import visitor


@pytest.fixture
async def guest(house):
    """Somebody who has done nothing yet."""
    return await visitor(house)


@pytest.fixture
async def holder(house):
    """Somebody who has logged in with a card of a registered organisation."""
    await house.add_organisation()
    found = await visitor(house)
    await found.log_in()
    return found


@pytest.fixture
async def registered(house):
    """Somebody who has signed their registration."""
    page = await house.registered()
    found = await visitor(house)
    found.portal = page
    return found
