"""Schemathesis calls every operation of a document at a server.

Seeded, so that each time is the same.  `FUZZ_EXAMPLES=500` tries more.
"""

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.documents import ROOT
from tests.house import House

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "4")
CHECKS = ROOT / "tests" / "phone_api" / "checks.py"
#: Who is not let in cannot be told of a form.
OF_WHOM_IS_LET_IN = "positive_data_acceptance,what_the_document_allows_is_well_formed"
#: Hypothesis keeps its tables of Unicode where it runs, and makes them anew where there are none.
TABLES = {"HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".hypothesis")}

Statuses = dict[tuple[str, str], set[int]]


@dataclass(frozen=True)
class Fuzz:
    """The calls that a document describes, at a house.

    Attributes:
        document: Its path at the house.
        config: Names, among others, the identifiers that are known.
        template: Names the operation that a path belongs to.
    """

    house: House
    directory: Path
    document: str
    config: Path
    template: Callable[[str], str]

    async def __call__(self, known: Mapping[str, str], token: str, *options: str) -> Statuses:
        """Call each of them with this token; returns with which statuses it was answered."""
        # As a file: the call that the document comes from would be left out.
        file, report = self.directory / "openapi.json", self.directory / "calls.har"
        async with self.house.http.get(f"{self.house.base_url}{self.document}") as response:
            file.write_bytes(await response.read())
        sent = ("--header", f"Authorization: Bearer {token}") if token else ()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(self.config)),
            *("run", str(file), "--url", self.house.base_url),
            *("--no-color", "--warnings", "off"),
            *("--seed", "1", "--max-examples", EXAMPLES, *sent, *options),
            *("--report", "har", "--report-har-path", str(report)),
            cwd=self.directory,
            env={**os.environ, **known, **TABLES, "SCHEMATHESIS_HOOKS": str(CHECKS)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return self._answered(report)

    def _answered(self, report: Path) -> Statuses:
        statuses: Statuses = defaultdict(set)
        for entry in json.loads(report.read_text())["log"]["entries"]:
            path = entry["request"]["url"].removeprefix(self.house.base_url).partition("?")[0]
            status = entry["response"]["status"]
            if status != 405:
                statuses[entry["request"]["method"], self.template(path)].add(status)
        return statuses
