"""Files as readings: the same each time, in the file's order, each with its place."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from arro3.core import Array, DataType, Field, Schema, Table
from arro3.io import write_parquet

from sens.cli.errors import WrongArgument
from sens.cli.importing.cells import Times, Values
from sens.cli.importing.mapping import Asked, find_mapping, identity
from sens.cli.importing.rows import Readings
from sens.cli.importing.tables import CsvDialect, open_table

TIME = "2026-01-05T12:00:00Z"
NOON = 1_767_614_400_000_000


def readings(path: Path, asked: Asked = Asked(), dialect: CsvDialect = CsvDialect(), **given: str) -> list[Any]:  # noqa: B008
    table = open_table(path, dialect)
    kind: Any = asked.kind or ("auto" if table.typed else "number")
    times = Times("auto", ZoneInfo(given.get("zone", "UTC")))
    made = Readings(
        table, find_mapping(table.columns, asked, "import"), times, Values(kind, given.get("decimal", ".")), "import"
    )
    return [json.loads(each) for some in made.of_all() for each in some]


def short(found: list[Any]) -> list[tuple[Any, ...]]:
    return [(each["device"], each["metric"], each["value"]) for each in found]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_columns_with_the_names_of_an_export_are_found(tmp_path: Path):
    file = write(
        tmp_path / "a.csv",
        "time,series_id,source,device,metric,unit,unit_sent,kind,value,text\n"
        f'{TIME},1,plant-a,d1,t,°C,Cel,number,1.5,\n{TIME},2,plant-b,d1,mode,,,text,,"a\nb"\n{TIME},3,plant-b,d1,on,,,boolean,1.0,\n',
    )
    expected = [
        ("plant-a", "d1", "t", "Cel", "number", NOON, 1.5, 2),
        ("plant-b", "d1", "mode", "", "text", NOON, "a\nb", 4),
        ("plant-b", "d1", "on", "", "boolean", NOON, True, 5),
    ]
    keys = ("source", "device", "metric", "unit", "kind", "time", "value", "line")
    assert [tuple(each[key] for key in keys) for each in readings(file)] == expected


def test_a_wide_file_has_a_metric_in_each_column_and_gaps_are_left_out(tmp_path: Path):
    file = write(tmp_path / "wide.csv", f"when;t;rpm;note\n{TIME};1,5;;x\n\n{TIME};;2;\n")
    asked = Asked(time="when", device="=boiler", wide=True, metric_columns=("t", "rpm"))
    assert short(readings(file, asked, decimal=",")) == [("boiler", "t", 1.5), ("boiler", "rpm", 2.0)]
    every = Asked(time="when", device="=boiler", wide=True, kind="text", source="=plant-a")
    found = readings(file, every)
    assert [each["metric"] for each in found] == ["t", "rpm", "note", "t", "rpm", "note"]
    assert {each["source"] for each in found} == {"plant-a"}


def test_a_row_that_no_reading_can_be_made_of_is_kept_with_why_in_its_place(tmp_path: Path):
    file = write(
        tmp_path / "bad.csv",
        f"time,source,device,metric,value\n{TIME},a,d,t,1\nnever,a,d,t,2\n"
        f"{TIME},A B,d,t,3\n{TIME},a,d\n{TIME},a,d,t,5\n",
    )
    found = readings(file)
    assert [each["line"] for each in found] == [2, 3, 4, 5, 6]
    assert [each.get("refused", {}).get("reason") for each in found] == [
        None,
        "invalid_time",
        "invalid_value",
        "invalid_shape",
        None,
    ]
    assert found[1]["cells"] == ["never", "a", "d", "t", "2"]
    assert [each["source"] for each in found] == ["a", "import", "import", "import", "a"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_a_csv_file_may_be_written_in_any_way(tmp_path: Path, encoding: str):
    file = write(tmp_path / "a.csv", f"time\tdevice\tmetric\tvalue\r\n{TIME}\tKüche\tt\t1\r\n", encoding)
    dialect = CsvDialect(encoding="utf-8-sig" if encoding.startswith("utf-8") else encoding)
    assert short(readings(file, dialect=dialect)) == [("Küche", "t", 1.0)]


def write_columns(path: Path, columns: dict[str, tuple[Array, DataType]]) -> Path:
    schema = Schema([Field(name, type_) for name, (_, type_) in columns.items()])
    write_parquet(Table.from_arrays([array for array, _ in columns.values()], schema=schema), path)
    return path


@pytest.mark.parametrize(
    ("type_", "numbers"),
    [
        (DataType.timestamp("s"), DataType.int64()),
        (DataType.timestamp("ms", tz="UTC"), DataType.int64()),
        (DataType.date32(), DataType.int32()),
    ],
)
def test_a_parquet_files_time_beyond_all_years_is_told_as_that_and_not_as_missing(
    tmp_path: Path, type_: DataType, numbers: DataType
):
    most = 2**31 - 1 if numbers == DataType.int32() else 2**62
    columns = {
        "time": (Array([most, None, 0], numbers).cast(type_), type_),
        "device": (Array(["d"] * 3, DataType.utf8()), DataType.utf8()),
        "t": (Array([1.0] * 3, DataType.float64()), DataType.float64()),
    }
    found = readings(write_columns(tmp_path / "a.parquet", columns), Asked(wide=True))
    why = [each["refused"] for each in found[:2]]
    assert [each["reason"] for each in why] == ["invalid_time", "missing_field"]
    assert "beyond the years" in why[0]["detail"]
    assert found[2]["time"] == 0


def test_texts_that_a_parquet_file_holds_as_bytes_are_texts(tmp_path: Path):
    columns = {
        "time": (Array([0], DataType.int64()), DataType.int64()),
        "device": (Array([b"boiler"], DataType.binary()), DataType.binary()),
        "t": (Array([b"1.5"], DataType.large_binary()), DataType.large_binary()),
    }
    assert short(readings(write_columns(tmp_path / "a.parquet", columns), Asked(wide=True))) == [("boiler", "t", 1.5)]


def test_a_parquet_file_says_the_types_itself(tmp_path: Path):
    wall = Array([NOON + 3_600_000_000, None], DataType.int64()).cast(DataType.timestamp("us"))
    columns = {
        "time": (wall.cast(DataType.timestamp("ns")), DataType.timestamp("ns")),
        "device": (Array([7, 7], DataType.int32()), DataType.int32()),
        "t": (Array([1, None], DataType.int64()), DataType.int64()),
        "on": (Array([True, False], DataType.bool()), DataType.bool()),
    }
    found = readings(write_columns(tmp_path / "a.parquet", columns), Asked(wide=True), zone="Europe/Berlin")
    assert short(found[:2]) == [("7", "t", 1.0), ("7", "on", True)]
    assert [each.get("time") for each in found] == [NOON, NOON, None]
    assert (found[2]["refused"]["reason"], found[2]["row"]) == ("missing_field", 2)


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        ("", Asked(), "is empty"),
        ("a,b\n1,2\n", Asked(), "which column is the time.*--time COLUMN.*a, b"),
        ("time,value\n", Asked(), "--device =NAME for all rows"),
        ("time,device,value\n", Asked(), "or --wide"),
        ("time,device,count,min,max,mean\n", Asked(), "--resolution raw"),
        ("time,device,a,a\n", Asked(wide=True, metric_columns=("a",)), "several columns"),
        ("time,device,a,a\n", Asked(wide=True), "several columns"),
        ("time,device\n", Asked(wide=True), "no column is left"),
    ],
)
def test_what_is_missing_is_said_with_what_to_write(tmp_path: Path, text: str, asked: Asked, said: str):
    file = write(tmp_path / "a.csv", text)
    with pytest.raises(WrongArgument, match=said):
        readings(file, asked)


def test_what_is_no_text_or_no_csv_is_said_with_its_line(tmp_path: Path):
    head = f"time,device,metric,value\n{TIME},d,t,1\n"
    for ending, said in (
        (b"\xff\n", "line [012].*--encoding"),
        (b'"a,b\n' * 3, "line .*quote"),
        (b'"a"b,\n', "line 3.*quote"),
    ):
        (tmp_path / "a.csv").write_bytes(head.encode() + ending)
        with pytest.raises(WrongArgument, match=said):
            readings(tmp_path / "a.csv")
    file = write(tmp_path / "c.csv", head)
    for dialect, said in ((CsvDialect(";;"), "--delimiter.*single"), (CsvDialect(encoding="utf-16"), "--encoding")):
        with pytest.raises(WrongArgument, match=said):
            open_table(file, dialect)
    with pytest.raises(WrongArgument, match="no Parquet file"):
        readings(write(tmp_path / "a.parquet", head))
    with pytest.raises(WrongArgument, match="is damaged"):
        readings(write(tmp_path / "b.parquet", "PAR1" + "\n" * 300 + "\n\0\0\0PAR1"))


def test_an_import_is_named_by_the_file_and_by_how_it_is_read():
    columns = ["time", "device", "metric", "value", "other"]
    asked = [Asked(), Asked(value="other"), Asked(unit="=Cel")]
    names = [identity(file, find_mapping(columns, each, "import"), {}) for file in ("a", "b") for each in asked]
    assert len(set(names)) == 6
    assert identity("a", find_mapping(columns, Asked(), "import"), {}) == names[0]
    assert len(names[0]) == 32
