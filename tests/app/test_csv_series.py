"""Series of other programs: times and numbers as they are exported, and every row accounted for."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pytest

from opskit.app.csv_series import series
from opskit.logs.refusal import LogError

CHINA = timezone(timedelta(hours=8))
AT = 1795323600.0  # 2026-11-22T13:00:00+08:00


def read(tmp_path: Path, text: str | bytes) -> tuple[tuple[tuple[float, float], ...], int, int, int]:
    path = tmp_path / "series.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = series(path, CHINA)
    return found.points, found.failed, found.repeated, len(found.problems)


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-22T13:00:00+08:00",
        "2026-11-22T05:00:00Z",
        "2026-11-22 13:00:00",
        "2026-11-22 13:00:00.000",
        "1795323600",
        "1795323600.0",
        "1795323600000",
        "1795323600000000",
        "1795323600000000000",
        "2026-11-22 13:00",
        "2026/11/22 13:00:00",
        "22.11.2026 13:00",
    ],
)
def test_times_of_many_programs_are_the_same_time(tmp_path: Path, moment: str) -> None:
    assert read(tmp_path, f"{moment},4.5\n") == (((AT, 4.5),), 0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,value\n1795323600,4.5\n",
        "\ufefftimestamp,value\r\n1795323600,4.5\r\n",
        "host,Value,Timestamp\na,4.5,1795323600\n",
        '"timestamp","value"\n"1795323600","4.5"\n',
        "when,how long\n1795323600,4.5\n\n",
        "1795323600, 4.5",
        "timestamp;value\n22.11.2026 13:00:00;4,5\n",
        "timestamp\tvalue\n1795323600\t4.5\n",
        '1795323600,"4,5"\n',
        "# exported\ntimestamp,value\n1795323600,4.5\n",
    ],
)
def test_a_header_may_be_there_and_names_the_columns(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == (((AT, 4.5),), 0, 0, 0)


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    rows = ["1795323600,4.5", "1795322700,4", "1795323600,9", "1795324500,", "1795324501,timeout", "1795324502,0"]
    rows += ["1795324503,-1", "1795324504,nan", "soon,4", "1795324505,fast", "1795324506", "1795324507,inf", "-5,1"]
    points, failed, repeated, bad = read(tmp_path, "\n".join(rows))
    assert points == ((AT - 900, 4.0), (AT, 4.5))
    assert (failed, repeated, bad) == (5, 1, 5)


@pytest.mark.parametrize("data", [b"", b"\x00\xff\x00", b"\xff\xfe,\n" * 9, b'"' * 70, b'"open,\n' * 3])
def test_no_bytes_can_crash_it(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data)[0] == ()


def test_a_field_without_end_and_a_missing_file_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="no CSV file"):
        read(tmp_path, b'"' + b"x" * 200_000)
    with pytest.raises(LogError, match="no such file"):
        series(tmp_path / "nothing", CHINA)
