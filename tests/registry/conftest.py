"""The registry's tests run on SQLite and on PostgreSQL."""

import pytest

from tests.databases import *  # noqa: F403  (the fixtures that its `__all__` names)
from tests.registry.people import add_everybody


@pytest.fixture
async def filled(registry):
    """A registry with a person with a phone, in an organisation."""
    await registry.commit(add_everybody)
    return registry
