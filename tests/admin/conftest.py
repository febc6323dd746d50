"""An organisation whose people are administered, and who administers."""

import shutil

import pytest

from pairing_server.registry.database import open_registry
from tests.admin.desk import colleague
from tests.admin.lost import loss
from tests.admin.staff import NOW, fill
from tests.approvals.desk import MeddlingRegistry
from tests.databases import BOTH, postgresql_server, postgresql_url
from tests.doubles import FrozenClock
from tests.house import ShiftedClock

__all__ = ["postgresql_server", "postgresql_url"]


def pytest_generate_tests(metafunc):
    """Run what asks the registry alone on both databases; a house has SQLite."""
    used = set(metafunc.fixturenames)
    if "registry" in used and not used & {"house", "make_house", "database_url"}:
        metafunc.parametrize("registry", BOTH, indirect=True)


@pytest.fixture
async def registry(request, empty_registry, tmp_path, clock):
    """An empty registry."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    else:
        file = tmp_path / "registry.sqlite3"
        shutil.copyfile(empty_registry, file)
        url = f"sqlite:///{file}"
    opened = open_registry(url, chain="test", clock=clock)
    try:
        yield opened
    finally:
        await opened.close()


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


@pytest.fixture
def meddled(lost):
    """A registry that lets somebody be faster than who looks for a lost phone."""
    return MeddlingRegistry(lost.house.registry)
