"""Which file is which mapping table: the connection's own, or that of the folder on which it builds.

Here belongs: the one place that answers this. What stands in a table: mapping/.
"""

from dataclasses import dataclass
from pathlib import Path

from ..errors import MappingError

KEPT = "kept"
"""The folder, in a mapping folder, of tables that were put back: they do not serve."""
HINT = "Put the file into one of the two folders: no other folder, and no shipped table, serves in its place."


@dataclass(frozen=True)
class Tables:
    """The mapping tables of a connection. A table is named by its path in a mapping folder: `lookups/units.csv`.

    Attributes:
        own: the connection's own folder. A table that is there takes the place of the base's, whole.
        base: the folder that several connections may share (the setting `mapping_base`); None without one.
    """

    own: Path
    base: Path | None = None

    def path(self, table: str | Path) -> Path:
        """The file that serves as a table; its place in the own folder where there is none."""
        return self.base / table if self.base and self.is_shared(table) else self.own / table

    def needed(self, table: str | Path) -> Path:
        """The file of a table that must be there; raises MappingError that names both folders when neither has it."""
        path = self.path(table)
        if self.base and not path.exists():
            raise MappingError(f"{table} is missing: it is neither in {self.own} nor in {self.base}.", HINT)
        return path

    def is_shared(self, table: str | Path) -> bool:
        """Whether the base's file serves as a table."""
        return bool(self.base) and not (self.own / table).exists() and self.in_base(table)

    def in_base(self, table: str | Path) -> bool:
        """Whether the base has a table, even if the connection's own takes its place."""
        return self.base is not None and (self.base / table).exists()

    def of(self, folder: str = "*") -> dict[Path, Path]:
        """The file of each table of a folder, such as `lookups`, or of all; sorted by the names of the tables."""
        roots = [self.base, self.own] if self.base else [self.own]
        found = {(path.parent.name, path.name): path for root in roots for path in root.glob(f"{folder}/*.csv")}
        return {Path(*table): found[table] for table in sorted(found) if table[0] != KEPT}

    def check(self) -> None:
        """Raises MappingError when the base is not there: its name may be a slip, and tables may be left out unseen."""
        if self.base and not self.base.is_dir():
            hint = "Correct the setting `mapping_base`, or put the folder back."
            raise MappingError(f"There is no folder {self.base} of shared mapping tables.", hint)
