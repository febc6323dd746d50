"""What a revocation list of 500,000 entries costs: time, memory, and the loop's worst pause.

    make bench, or .venv/bin/python bench/revocation.py [entries]

Prints figures of this machine and ratios, which say more: nothing here passes or fails.
"""

import asyncio
import resource
import sys
import time
import timeit
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import uvloop
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.validate import async_validate_path

from clients.card_profile import Holder
from clients.test_ca import KeyKind, Style, UziTestCa
from pairing_server.uzi.revocation import (
    RevocationList,
    check_revocation,
    read_revocation_list,
)
from pairing_server.uzi.revocation_reading import ListReader

ENTRIES = 500_000
FIRST_SERIAL = 1 << 62


def made(entries: int) -> tuple[UziTestCa, bytes, datetime]:
    """Make a register with RSA-4096 authorities, as the real ones are, and its list."""
    now = datetime.now(UTC)
    ca = UziTestCa.create(now, Style(KeyKind.RSA_4096))
    builder = ca.issuing("Z").list_builder(now)
    one = x509.RevokedCertificateBuilder().revocation_date(now)
    # All at once: the builder copies what it has for each entry that is added.
    builder._revoked_certificates = [  # noqa: SLF001
        one.serial_number(FIRST_SERIAL + 2 * place).build() for place in range(entries)
    ]
    return ca, ca.issuing("Z").sign_list(builder), now


async def worst_pause(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return how long work took, and the longest time that the loop did nothing else meanwhile."""
    worst, done = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal worst
        while not done.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - before - 0.001)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    await work()
    took = time.perf_counter() - began
    done.set()
    await ticking
    return took, worst


def say(what: str, value: str) -> None:
    """Print a line of the table."""
    print(f"{what:<62} {value:>14}")


async def reading(data: bytes) -> RevocationList:
    """Read the list both ways."""
    reader = ListReader()
    inline, inline_pause = await worst_pause(lambda: asyncio.to_thread(read_revocation_list, data))
    child, child_pause = await worst_pause(lambda: reader.read(data))
    say("read in a thread", f"{inline * 1e3:.0f} ms")
    say("  the loop's worst pause", f"{inline_pause * 1e3:.0f} ms")
    say("read in a child, as the server does", f"{child * 1e3:.0f} ms")
    say("  the loop's worst pause", f"{child_pause * 1e3:.1f} ms")
    say("  shorter by a factor of", f"{inline_pause / child_pause:.0f}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    say("  the child's memory, given back when it ends", f"{peak:.0f} MB")
    return await reader.read(data)


def looking_up(read: RevocationList, ca: UziTestCa, now: datetime) -> None:
    """Look up what is there and what is not."""
    hit, miss = FIRST_SERIAL + 2 * (len(read.serials) // 3), FIRST_SERIAL + 1
    for what, serial in (("hit", hit), ("miss", miss)):
        runs = 20_000
        seconds = timeit.timeit(lambda serial=serial: serial in read.serials, number=runs) / runs
        say(f"lookup, {what}", f"{seconds * 1e6:.1f} µs")
    card = ca.issue(Holder(), now, KeyKind.P_256).authentication
    runs = 2_000
    seconds = timeit.timeit(
        lambda: check_revocation(card.certificate, card.chain[0], [read], now), number=runs
    )
    say("a card checked, with the list's signature (RSA-4096)", f"{seconds / runs * 1e6:.0f} µs")


def memory(data: bytes) -> None:
    """Compare what is kept with what else could be."""
    tracemalloc.start()
    kept = read_revocation_list(data)
    own = tracemalloc.get_traced_memory()[0]
    crl = x509.load_der_x509_crl(data)
    before = tracemalloc.get_traced_memory()[0]
    numbers = frozenset(entry.serial_number for entry in crl)
    as_set = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    say("kept in memory", f"{own / 1e6:.1f} MB")
    say("  octets for each entry", f"{len(kept.serials.octets) / len(kept.serials):.0f}")
    say("as a set of numbers it would be", f"{as_set / 1e6:.0f} MB")
    say("  larger by a factor of", f"{as_set / own:.0f}")
    del numbers


async def pyhanko(ca: UziTestCa, data: bytes, now: datetime) -> None:
    """Let pyhanko-certvalidator check one card by the same list."""
    card = ca.issue(Holder(), now, KeyKind.P_256).authentication
    lists = [data, ca.level_2.revocation_list(now), ca.root.revocation_list(now)]

    def theirs(certificate: x509.Certificate) -> asn1_x509.Certificate:
        return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))

    leaf, (issuing, level_2, root) = theirs(card.certificate), map(theirs, card.chain)

    async def check() -> None:
        context = ValidationContext(
            trust_roots=[root],
            other_certs=[issuing, level_2],
            moment=now,
            crls=lists,
            revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
            time_tolerance=timedelta(minutes=5),
        )
        path = ValidationPath(CertTrustAnchor(root), interm=[level_2, issuing], leaf=leaf)
        await async_validate_path(context, path)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took, pause = await worst_pause(check)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    say("pyhanko-certvalidator: one card by the same list", f"{took:.1f} s")
    say("  the loop's worst pause", f"{pause:.1f} s")
    say("  memory, at its peak", f"{grown / 1024:.0f} MB")


async def main() -> None:
    """Measure."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    ca, data, now = made(entries)
    say("entries", f"{entries:,}")
    say("the list", f"{len(data) / 1e6:.1f} MB")
    read = await reading(data)
    looking_up(read, ca, now)
    await pyhanko(ca, data, now)
    memory(data)


if __name__ == "__main__":
    uvloop.run(main())
