"""Reading page by page: nothing is skipped and nothing read twice."""

import pytest

from pairing_server.audit import pages
from pairing_server.audit.checkpoint import Checkpoints
from pairing_server.audit.pages import chain_pages, checkpoint_pages, read_chain_names
from tests.audit.doubles import Signer, fill
from tests.databases import execute


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 3)
    monkeypatch.setattr(pages, "_events", pages._events.limit(3))
    monkeypatch.setattr(pages, "_checkpoints", pages._checkpoints.limit(3))


@pytest.mark.parametrize(
    ("count", "lengths"), [(1, [1]), (3, [3, 0]), (4, [3, 1]), (6, [3, 3, 0])]
)
async def test_every_event_is_on_one_page(registry, count, lengths):
    await fill(registry, count)

    read = [page async for page in chain_pages(registry, "main")]

    assert [len(page.entries) for page in read] == lengths
    assert [entry.facts.sequence for page in read for entry in page.entries] == list(
        range(1, count + 1)
    )
    assert read[-1].head.sequence == count


async def test_two_events_in_one_place_are_both_read(open_at, own_url):
    registry = open_at(own_url)
    await fill(registry, 4)
    execute(
        own_url,
        "ALTER TABLE audit_event RENAME TO kept",
        "CREATE TABLE audit_event AS SELECT * FROM kept",
        "INSERT INTO audit_event SELECT chain, sequence, '~' || id, time, action, actor, object,"
        " ura, outcome, evidence, previous, hash, person, credential, workstation FROM kept"
        " WHERE sequence = 3",
    )

    read = [page async for page in chain_pages(registry, "main")]

    assert [entry.facts.sequence for page in read for entry in page.entries] == [1, 2, 3, 3, 4]


@pytest.mark.parametrize(("count", "lengths"), [(0, []), (3, [3]), (4, [3, 1])])
async def test_every_checkpoint_is_on_one_page(registry, clock, count, lengths):
    checkpoints = Checkpoints(registry, Signer(), clock)
    for _ in range(count):
        await checkpoints.make()

    assert [len(page) async for page in checkpoint_pages(registry)] == lengths


async def test_chains_are_known_by_their_head_or_their_events(open_at, own_url):
    for name in ("b", "a", "c"):
        await fill(open_at(own_url, name), 2)
    registry = open_at(own_url)
    execute(own_url, "DELETE FROM audit_chain WHERE name IN ('a', 'c')")
    execute(own_url, f"INSERT INTO audit_chain VALUES ('d', 0, '{'0' * 64}')")

    assert await registry.read(read_chain_names) == ["a", "b", "c", "d"]
