"""CSV and Parquet files as chunks of columns, in bounded memory."""

import csv
import io
import os
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from arro3.core import Array, DataType, RecordBatchReader
from arro3.io import read_parquet

from sens.cli.errors import WrongArgument
from sens.domain.errors import Fatal

ROWS_PER_CHUNK = 2_000
MAX_CELL_CHARS = 1_000_000
DELIMITERS = ",;\t|"
_PARQUET_MARK = b"PAR1"
_FOOTER_BYTES = 8
_S, _US = DataType.timestamp("s"), DataType.timestamp("us")
BEYOND_US = "beyond the years that can be told in µs"
"""In place of a Parquet file's time that is."""


class Chunk(NamedTuple):
    """Some rows: their numbers, and the cells of each column; None is no value.

    Attributes:
        ragged: where not empty: the cells of one row that has more or fewer than the header; then there are no columns.
    """

    numbers: list[int]
    columns: list[Sequence[Any]]
    ragged: Sequence[str] = ()


class Table(ABC):
    """A file of rows.

    Attributes:
        columns: their names, in order.
        row_word: what the number of a row counts.
        local_times: columns whose times are µs by a clock of no zone, or texts that say why they are none;
            `utc_times`: the same of µs since 1970 UTC.
        typed: whether cells say by themselves what they are.
    """

    row_word = "row"
    typed = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = []
        self.local_times = set[int]()
        self.utc_times = set[int]()
        self._size_bytes = max(path.stat().st_size, 1)

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """All rows, from the first one on, each time that it is called."""

    @property
    @abstractmethod
    def position_bytes(self) -> int:
        """How far the file is read."""

    @property
    def fraction(self) -> float:
        """How much of the file is read, 0 to 1."""
        return min(self.position_bytes / self._size_bytes, 1.0)


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a CSV file is written. `delimiter` None: found in its first line."""

    delimiter: str | None = None
    encoding: str = "utf-8-sig"


class CsvTable(Table):
    """A CSV file (RFC 4180) with a header."""

    row_word = "line"

    def __init__(self, path: Path, dialect: CsvDialect) -> None:
        super().__init__(path)
        self._dialect = dialect
        self._file: IO[bytes] | None = None
        csv.field_size_limit(MAX_CELL_CHARS)
        header = next(self._rows(), None)
        if header is None:
            raise WrongArgument(f"{path} is empty: its first line has to name the columns")
        self.columns = header[1]

    @property
    def position_bytes(self) -> int:
        return self._file.tell() if self._file is not None and not self._file.closed else 0

    def chunks(self) -> Iterator[Chunk]:
        rows, width = self._rows(), len(self.columns)
        next(rows, None)
        numbers, cells = list[int](), list[list[str]]()
        for number, row in rows:
            if len(row) == width:
                numbers.append(number)
                cells.append(row)
            if cells and (len(row) != width or len(cells) == ROWS_PER_CHUNK):
                yield Chunk(numbers, list(zip(*cells, strict=True)))
                numbers, cells = [], []
            if len(row) != width:
                yield Chunk([number], [], row)
        if cells:
            yield Chunk(numbers, list(zip(*cells, strict=True)))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """The line on which a row ends, and its cells; lines without anything are passed over."""
        reader = None
        try:
            with self.path.open("rb") as self._file:
                text = io.TextIOWrapper(self._file, self._dialect.encoding, newline="")
                delimiter = self._dialect.delimiter or _find_delimiter(text)
                reader = csv.reader(text, delimiter=delimiter, strict=True)
                for row in reader:
                    if row:
                        yield reader.line_num, row
        except UnicodeError as error:
            raise WrongArgument(
                f"{self.path}: soon after line {reader.line_num if reader else 0} stands what is no "
                f"{self._dialect.encoding.removesuffix('-sig')}: give --encoding, for example latin-1"
            ) from error
        except TypeError as error:
            raise WrongArgument(f"--delimiter {self._dialect.delimiter}: write a single character") from error
        except LookupError as error:
            raise WrongArgument(f"--encoding {self._dialect.encoding}: there is no such encoding") from error
        except csv.Error as error:
            line = reader.line_num if reader else 1
            raise WrongArgument(f"{self.path}, line {line}: {error}; is a quote missing, or too many?") from error


def _find_delimiter(text: io.TextIOWrapper) -> str:
    first = text.readline()
    text.seek(0)
    return max(DELIMITERS, key=first.count)


class ParquetTable(Table):
    """A Parquet file."""

    typed = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = path.open("rb")
        schema = self._open().schema
        fields = [schema.field(at) for at in range(len(schema.names))]
        self.columns = [field.name for field in fields]
        for at, field in enumerate(fields):
            if DataType.is_timestamp(field.type) or DataType.is_date(field.type):
                is_utc = DataType.is_timestamp(field.type) and field.type.tz is not None
                (self.utc_times if is_utc else self.local_times).add(at)

    def _open(self) -> RecordBatchReader:
        if not _has_footer(self._file, self._size_bytes):
            raise WrongArgument(f"{self.path} is no Parquet file, or not the whole of one")
        with self._readable():
            return read_parquet(self._file, batch_size=ROWS_PER_CHUNK)

    @contextmanager
    def _readable(self) -> Generator[None]:
        """arro3 names no errors of its own, and some are panics, which are no `Exception`."""
        try:
            yield
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise WrongArgument(f"{self.path} is damaged: {error}") from error

    @property
    def position_bytes(self) -> int:
        return self._file.tell()

    def chunks(self) -> Iterator[Chunk]:
        first, batches = 1, iter(self._open())
        while True:
            with self._readable():
                batch = next(batches, None)
            if batch is None:
                return
            rows = batch.num_rows
            with self._readable():
                columns = [self._cells(at, Array(batch.column(at))) for at in range(batch.num_columns)]
            yield Chunk(list(range(first, first + rows)), columns)
            first += rows

    def _cells(self, at: int, column: Array) -> Sequence[Any]:
        if at in self.utc_times or at in self.local_times:
            return _microseconds(column)
        cells = cast("list[Any]", column.to_pylist())  # pyright: ignore[reportUnknownMemberType]
        return [_text(cell) for cell in cells] if _is_bytes(column.type) else cells


def _microseconds(column: Array) -> Sequence[Any]:
    """Of times and dates; a cast leaves out what becomes too large."""
    if DataType.is_date32(column.type):  # straight to µs it would wrap around
        column = column.cast(_S)
    cells, given = _numbers(column.cast(_US)), _numbers(column)
    return [BEYOND_US if cell is None and was is not None else cell for cell, was in zip(cells, given, strict=True)]


def _numbers(column: Array) -> list[int | None]:
    return cast("list[int | None]", column.cast(DataType.int64()).to_pylist())  # pyright: ignore[reportUnknownMemberType]


def _is_bytes(type_: DataType) -> bool:
    return any(
        is_bytes(type_)
        for is_bytes in (
            DataType.is_binary,
            DataType.is_large_binary,
            DataType.is_binary_view,
            DataType.is_fixed_size_binary,
        )
    )


def _text(cell: bytes | None) -> str | None:
    """Many programs write texts as bytes."""
    return None if cell is None else cell.decode("utf-8", "backslashreplace")


def _has_footer(file: IO[bytes], size_bytes: int) -> bool:
    """Whether the file ends as a Parquet file does: with the length of what describes it, and a mark."""
    if size_bytes < _FOOTER_BYTES:
        return False
    file.seek(-_FOOTER_BYTES, os.SEEK_END)
    footer = file.read()
    return footer.endswith(_PARQUET_MARK) and int.from_bytes(footer[:4], "little") < size_bytes


def open_table(path: Path, dialect: CsvDialect) -> Table:
    """The file, by the end of its name.

    Raises:
        WrongArgument: it is neither, or cannot be read as what it says.
        Fatal: it cannot be opened.
    """
    ending = path.suffix.lower()
    try:
        if ending == ".parquet":
            return ParquetTable(path)
        if ending in (".csv", ".tsv", ".txt"):
            return CsvTable(path, dialect)
    except OSError as error:
        raise Fatal(f"{path} cannot be read: {error.strerror}") from error
    raise WrongArgument(f"which format is {path}? Let its name end in .csv or .parquet")
