"""An organisation whose people are administered, with the time held still."""

import pytest

from tests.admin.staff import NOW, fill
from tests.doubles import FrozenClock


@pytest.fixture
def clock():
    return FrozenClock(NOW)


@pytest.fixture
async def staffed(registry):
    await registry.commit(fill)
    return registry
