"""An organisation whose people are administered, and who administers."""

import pytest

from tests.admin.desk import colleague
from tests.admin.lost import loss
from tests.admin.staff import NOW, fill
from tests.doubles import FrozenClock
from tests.house import ShiftedClock


@pytest.fixture
def clock(request):
    """Hold the time still, but where cards and phones are used, which know the real one."""
    return ShiftedClock() if "house" in request.fixturenames else FrozenClock(NOW)


@pytest.fixture
async def staffed(registry):
    await registry.commit(fill)
    return registry


@pytest.fixture
async def head(house):
    """An administrator with a phone, who has not logged in yet."""
    return await colleague(house)


@pytest.fixture
async def lost(house):
    """Somebody whose phone is gone, and an administrator who is called."""
    return await loss(house)
