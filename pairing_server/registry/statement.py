"""Statements as a driver takes them: built with SQLAlchemy Core, compiled once a dialect."""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from sqlalchemy import Boolean, ClauseElement, Dialect, Executable, ReturnsRows

#: Statements live at module level, so there are some hundred at most; whoever builds them as he
#: goes pays with compiling, not with memory.
CACHE_SIZE = 1024


class Prepared:
    """The text of a statement in one dialect, with the values that it brings itself."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = cast("ClauseElement", statement).compile(dialect=dialect)
        self._compiled = cast("Any", compiled)
        self._text = str(self._compiled)
        self._own = {
            self._compiled.bind_names[bound]: bound.value
            for bound in self._compiled.bind_names
            if not bound.required
        }
        #: The names of what it returns, once it has returned something.
        self.columns: tuple[str, ...] = ()
        self._expands = bool(self._compiled.post_compile_params)
        # SQLite knows no booleans; what a column's type promises is made good here.
        self.booleans = (
            tuple(
                column.name
                for column in statement.exported_columns
                if isinstance(column.type, Boolean)
            )
            if isinstance(statement, ReturnsRows)
            else ()
        )

    def bind(self, values: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Return text and parameters for the driver's cursor."""
        merged = {**self._own, **values} if self._own else values
        if not self._expands:
            return self._text, merged
        state = self._compiled.construct_expanded_state(dict(merged))
        return state.statement, state.parameters


class Statements:
    """The statements of one dialect, each compiled when it is first run."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prepared: dict[Executable, Prepared] = {}

    def prepared(self, statement: Executable) -> Prepared:
        """Return the compiled statement."""
        found = self._prepared.get(statement)
        if found is None:
            if len(self._prepared) >= CACHE_SIZE:
                self._prepared.clear()
            found = self._prepared[statement] = Prepared(statement, self._dialect)
        return found


@cache
def statements_of(dialect: Dialect) -> Statements:
    """Return the statements that all who speak this dialect share, as long as the process runs."""
    return Statements(dialect)
