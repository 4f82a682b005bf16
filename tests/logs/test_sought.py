"""Ids as logs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.logs.rotated import Held
from opskit.logs.sought import Id
from opskit.model.message import Message


def numbers(folder: Path, wanted: str, *texts: bytes) -> list[int]:
    path = folder / "x.log"
    path.write_bytes(b"\n".join(texts))
    problems = list[Message]()
    found = [number for number, _ in Id(wanted).lines(Held(path, path), problems)]
    assert not problems
    return found


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("r-1", b"r-1"),
        ("r-1", b'{"id":"r-1"}'),
        ("r-1", b"id=r-1,"),
        ("r-1", rb'{"msg":"of\nr-1"}'),
        ("r-1", rb'"\x22r-1\x22"'),
        ("r-1", rb'"\u0022r-1\u0022"'),
        ("r-1", b"/?id=%22r-1%22"),
        ("r-1", b"\x1b[32mr-1\x1b[0m"),
        ("0af7651916cd43dd8448eb211c80319c", b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("a.*[", b"(a.*[)"),
        ('a"b', rb'{"id":"a\"b"}'),
        ("\u8bf7\u6c42", "x\u8bf7\u6c42y".encode()),
        ("r-1", b"r-12 and r-1"),
    ],
)
def test_an_id_is_found_where_it_stands_alone(tmp_path: Path, wanted: str, text: bytes) -> None:
    assert numbers(tmp_path, wanted, b"nothing", text) == [2]


@pytest.mark.parametrize("text", [b"r-12", b"xr-1", b"r-1x", rb"\\pr-1", b"7r-1", b"R-1", b"r-"])
def test_an_id_that_is_part_of_another_is_not_found(tmp_path: Path, text: bytes) -> None:
    assert numbers(tmp_path, "r-1", text) == []
