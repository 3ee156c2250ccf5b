"""`sens import`: from the options to the end of the file."""

import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sens.cli.client import ApiAway, ApiRefused, Target, connect
from sens.cli.errors import WrongArgument
from sens.cli.importing.cells import TIME_FORMATS, Times, Values
from sens.cli.importing.mapping import Asked, ValueKind, find_mapping, identity
from sens.cli.importing.preview import preview, print_preview
from sens.cli.importing.rows import Readings
from sens.cli.importing.tables import CsvDialect, open_table
from sens.cli.importing.upload import State, Upload
from sens.cli.output import note, print_json
from sens.cli.progress import Progress, Silence, progress
from sens.cli.times import parse_time
from sens.domain.errors import Fatal
from sens.domain.names import SOURCE_NAME

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be imported. `source`: the import's own, for the ledger; `kind`: of values, None: as the file says."""

    path: Path
    source: str
    asked: Asked
    dialect: CsvDialect
    time_format: str = "auto"
    time_zone: str = "UTC"
    decimal: str = "."


def run(target: Target, wanted: Wanted, *, dry_run: bool, as_json: bool) -> int:
    """Import the file, or show what an import would bring.

    Raises:
        WrongArgument: an option is wrong, or the file is.
        Fatal: the file cannot be read, or changes meanwhile.
        ApiAway, ApiRefused: before anything was sent.
    """
    if not SOURCE_NAME.fullmatch(wanted.source):
        raise WrongArgument(f"--source {wanted.source}: write a-z, 0-9 and -, at most 63 characters")
    table = open_table(wanted.path, wanted.dialect)
    mapping = find_mapping(table.columns, wanted.asked, wanted.source)
    kind: ValueKind = wanted.asked.kind or ("auto" if table.typed else "number")
    times = Times(_time_format(wanted.time_format), _zone(wanted.time_zone))
    readings = Readings(table, mapping, times, Values(kind, wanted.decimal), wanted.source)
    before = _stamp(wanted.path)
    with progress(f"Reading {wanted.path}") as shown:
        reading = {"dialect": asdict(wanted.dialect), "format": wanted.time_format, "zone": wanted.time_zone}
        file_hash = _hash(wanted.path)
        name = identity(file_hash, mapping, reading | {"kind": kind, "decimal": wanted.decimal})
        path = f"imports/{wanted.source}/{name}"
        if dry_run:
            return _preview(target, path, readings, as_json=as_json)
        state, already = _import(target, path, readings, shown)
    if _stamp(wanted.path) != before:
        raise Fatal(f"{wanted.path} was changed while it was read: import it again")
    _tell(wanted, state, readings, already=already, as_json=as_json)
    return 0


def _import(target: Target, path: str, readings: Readings, shown: Progress | Silence) -> tuple[State, bool]:
    """How it ended, and whether it had before."""
    with connect(target) as api:
        started, begun = time.monotonic(), 0

        def tell(sent: int) -> None:
            elapsed, fraction = time.monotonic() - started, readings.table.fraction
            rate = (sent - begun) / max(elapsed, 0.001)
            left = elapsed / max(fraction, 0.001) * (1 - fraction)
            shown.tell(f"{sent:,} readings, {rate:,.0f} a second, {fraction:.0%}, {left:,.0f} s left")

        upload = Upload(api, path, readings.of_all, tell)
        state = upload.state()
        if state.finished:
            return state, True
        if state.readings:
            note(f"going on after {state.readings:,} readings that are in already")
        begun = state.readings
        upload.send(state)
        shown.tell("Waiting until all is stored")
        return upload.wait_until_stored(), False


def _preview(target: Target, path: str, readings: Readings, *, as_json: bool) -> int:
    oldest_kept: int | None = None
    try:
        with connect(target) as api:
            said = Upload(api, path, readings.of_all, lambda _: None).state().oldest_kept
            oldest_kept = None if said is None else parse_time(said, "oldest_kept", 0)
    except (ApiAway, ApiRefused) as error:
        note(f"it is not known how long readings are kept: {error}")
    found = preview(readings.of_all(), oldest_kept)
    mapping = {name: place.shown(readings.table.columns) for name, place in readings.mapping.used}
    if readings.mapping.metrics:
        mapping["metrics"] = ", ".join(readings.mapping.metrics.values())
    print_preview(found, mapping, readings.left_out, json=as_json)
    return 0


def _tell(wanted: Wanted, state: State, readings: Readings, *, already: bool, as_json: bool) -> None:
    if as_json:
        counts = {
            name: value for name, value in state._asdict().items() if name not in ("oldest_kept", "max_body_bytes")
        }
        print_json({"source": wanted.source, "already": already, "left_out": readings.left_out} | counts)
        return
    note(
        f"{wanted.path} {'was imported before' if already else 'is imported'}: {state.readings:,} readings, "
        f"{state.stored:,} stored, {state.duplicate:,} duplicate, {state.conflict:,} conflict, "
        f"{state.quarantined:,} quarantined, {state.pending:,} pending"
    )
    if readings.left_out:
        note(f"{readings.left_out:,} cells had no value and were left out")
    if state.quarantined or state.conflict:
        note(f"sens quarantine list --source {wanted.source} shows why, and where in the file they stand")


def _hash(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=32)
    try:
        with path.open("rb") as file:
            while block := file.read(_MEGABYTE):
                digest.update(block)
    except OSError as error:
        raise Fatal(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _time_format(given: str) -> str:
    if "%" in given or given in TIME_FORMATS:
        return given
    raise WrongArgument(f"--time-format {given}: write {', '.join(TIME_FORMATS)}, or a pattern such as %d.%m.%Y %H:%M")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise WrongArgument(f"--time-zone {name}: there is no such zone; write for example Europe/Berlin") from error
