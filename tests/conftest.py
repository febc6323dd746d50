"""Fixtures of the whole suite: real stores, and a house to run a server in."""

import gc
import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.house import (
    clock,
    empty_registry,
    house,
    make_house,
    ports,
    register,
    registry,
    stores,
)
from tests.progress import Progress
from tests.valkey import store, valkey_url

__all__ = [
    "clock",
    "empty_registry",
    "house",
    "make_house",
    "ports",
    "register",
    "registry",
    "store",
    "stores",
    "valkey_url",
]

# Two cores that others share too: how long an example takes says nothing of it.  In CI the same
# examples each time; at a desk, new ones.
settings.register_profile("here", deadline=None, derandomize="CI" in os.environ, max_examples=50)
settings.load_profile("here")


#: Where a few tests take long: begun last, one process would work at them while the other waits.
LONG = (
    "tests/test_phone_api_fuzz.py",
    "tests/test_main_job.py",
    "tests/browser",
    "tests/cli",
    "tests/proxies",
    "tests/clients",
    "tests/independent",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make, and not among the tests: millions of objects."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Follow the run where it is told about, which under pytest-xdist is not where tests run."""
    # What is collected stays: to look for garbage meanwhile takes a third of the time.
    gc.disable()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress())


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Undo what a command that ran in this process did to the log."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers, root.level = handlers, level
    structlog.configure(**configured)
