"""Doubles that look over the driver's shoulder, and hold the writer while changes gather."""

import asyncio
import threading
from contextlib import asynccontextmanager

import sqlalchemy as sa

from pairing_server.audit.events import OrganisationRegistered
from pairing_server.registry import tables

_insert = sa.insert(tables.organisation)
_uras = sa.select(tables.organisation.c.ura).order_by(tables.organisation.c.ura)


def add_organisation(ura, name="Praktijk"):
    """A change: one row and one event."""

    def change(tx):
        tx.run(
            _insert,
            ura=ura,
            name=name,
            status="active",
            registered_at=0,
            key_policy="{}",
            admin_policy="{}",
        )
        tx.record(OrganisationRegistered(actor="operator:test", object=f"organisation:{ura}"))
        return ura

    return change


def read_uras(tx):
    """A query: what `add_organisation` added."""
    return [row["ura"] for row in tx.all(_uras)]


def _nothing(_text, _cursor):
    pass


class RecordingDriver:
    """A driver that keeps what is executed, and does `before` or `after` it what a test wants."""

    def __init__(self, driver):
        self._driver = driver
        self.texts = []
        self.before = _nothing
        self.after = _nothing
        self.connections = 0

    def __getattr__(self, name):
        return getattr(self._driver, name)

    def connect(self):
        self.connections += 1
        return _Connection(self, self._driver.connect())

    def is_committed(self, cursor):
        return self._driver.is_committed(cursor.real)

    def count(self, text):
        return self.texts.count(text)


class _Connection:
    def __init__(self, recorder, connection):
        self._recorder = recorder
        self._connection = connection

    def cursor(self):
        return _Cursor(self._recorder, self._connection.cursor())

    def close(self):
        self._connection.close()


class _Cursor:
    def __init__(self, recorder, cursor):
        self._recorder = recorder
        self.real = cursor

    def __getattr__(self, name):
        return getattr(self.real, name)

    def execute(self, text, *values):
        self._recorder.texts.append(text)
        self._recorder.before(text, self.real)
        self.real.execute(text, *values)
        self._recorder.after(text, self.real)

    def executemany(self, text, values):
        self._recorder.texts.append(text)
        self._recorder.before(text, self.real)
        self.real.executemany(text, values)


class Once:
    """Acts the first time that a statement which begins so is executed, or the nth time."""

    def __init__(self, start, act, nth=1):
        self._start = start
        self._act = act
        self._left = nth

    @property
    def has_acted(self):
        return self._left <= 0

    def __call__(self, text, cursor):
        if text.startswith(self._start):
            self._left -= 1
            if self._left == 0:
                self._act(cursor)


def raising(error):
    def act(_cursor):
        raise error

    return act


@asynccontextmanager
async def held_writer(registry, change=lambda _tx: None):
    """Keep the writer in a change that is made and not committed, so that others gather."""
    started, go = threading.Event(), threading.Event()

    def hold(tx):
        change(tx)
        started.set()
        go.wait(10)

    task = asyncio.create_task(registry.commit(hold))
    await asyncio.to_thread(started.wait, 10)
    try:
        yield
    finally:
        go.set()
        await task


async def gather_behind(registry, *changes):
    """Start changes that the writer will find together, and return their tasks."""
    tasks = [asyncio.create_task(registry.commit(change)) for change in changes]
    await asyncio.sleep(0.01)
    return tasks
