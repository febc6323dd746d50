"""Rules of cells that a spreadsheet takes for a formula (OWASP, CSV Injection).

A list with commas is opened by the semicolon where that is the custom, and the other way round: so
a cell must hold no formula behind any of the separators, either.
"""

import re

#: By what a formula begins, also in the width of East Asian characters.
SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
GUARD = "'"

_AHEAD = r"(?=[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20])"
_OPEN = re.compile(rf"([,;\t\r\n]){_AHEAD}")
_GUARDED = re.compile(rf"([,;\t\r\n]){GUARD}{_AHEAD}")


def guard_inside(cell: str) -> str:
    """Put an apostrophe before each formula that stands behind a separator."""
    return _OPEN.sub(rf"\1{GUARD}", cell)


def unguard_inside(cell: str) -> str:
    """Return the cell of which `guard_inside` made this one."""
    return _GUARDED.sub(r"\1", cell)
