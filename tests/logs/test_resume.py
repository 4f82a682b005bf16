"""Reading on across rotation: each line once, and never a line missing without a word."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opskit.logs.refusal import LogError
from opskit.logs.resume import Position, load, lock, open_since, save
from opskit.logs.resume_plan import First

LINE = re.compile(rb"([0-9]+) id=([0-9]+) ")


def stamp(line: bytes) -> float | None:
    """The time of a line of these tests."""
    match = LINE.match(line)
    return float(match[1]) if match else None


class File:
    """What the model knows of one file: the ids of its lines, and that of a last one without a line end."""

    def __init__(self) -> None:
        self.ids = list[int]()
        self.partial: int | None = None
        self.late = set[int]()
        self.renamed = True


class RotatingLog(RuleBasedStateMachine):
    """A log, its rotated files and a reader, beside a model that knows of every line where it went."""

    @initialize(first=st.sampled_from(["start", "end"]), stamped=st.booleans(), lines=st.integers(0, 40))
    def begin(self, first: First, stamped: bool, lines: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rotating-"))
        self.path, self.saved = self.folder / "access.log", self.folder / "position"
        self.path.touch()
        self.first: First = first
        self.stamp = stamp if stamped else (lambda _: None)
        self.next_id = 0
        self.live, self.rotated = File(), list[File]()
        self.packed = list[bool]()
        self.read_ids = set[int]()
        self.must_tell = self.may_tell = self.copied = self.adrift = False
        # What the last saved run saw: the file its position is in, and the one that was live.
        self.place: File | None = None
        self.known: File | None = None
        self.append(lines, 0)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.read()
            shutil.rmtree(self.folder)

    def name(self, number: int) -> Path:
        return self.folder / f"access.log.{number}{'.gz' if self.packed[number - 1] else ''}"

    def text(self, wide: int) -> bytes:
        self.next_id += 1
        return b"%d id=%d %s" % (self.next_id * 7, self.next_id, b"x" * wide)

    def write(self, path: Path, data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data)

    def end_partial(self) -> None:
        if self.live.partial is not None:
            self.write(self.path, b"end\n")
            self.live.ids.append(self.live.partial)
            self.live.partial = None

    @rule(lines=st.integers(1, 30), wide=st.sampled_from([0, 0, 100, 1000, 20_000]))
    def append(self, lines: int, wide: int) -> None:
        self.end_partial()
        for _ in range(lines):
            self.write(self.path, self.text(wide) + b"\n")
            self.live.ids.append(self.next_id)

    @rule()
    def append_half_a_line(self) -> None:
        self.end_partial()
        self.write(self.path, self.text(3))
        self.live.partial = self.next_id

    @precondition(lambda self: self.rotated and not self.packed[0] and self.rotated[0].renamed)
    @rule()
    def append_late_to_the_renamed_file(self) -> None:
        file = self.rotated[0]
        if file.partial is None:
            self.write(self.name(1), self.text(5) + b"\n")
            file.ids.append(self.next_id)
            file.late.add(self.next_id)

    def shift(self) -> None:
        for number in range(len(self.rotated), 0, -1):
            old = self.name(number)
            old.rename(self.folder / old.name.replace(f".log.{number}", f".log.{number + 1}"))

    def pack(self, number: int) -> None:
        plain = self.name(number)
        packed = plain.with_name(plain.name + ".gz")
        packed.write_bytes(gzip.compress(plain.read_bytes(), 1))
        plain.unlink()
        self.packed[number - 1] = True

    def push(self, file: File, delay: bool) -> None:
        self.rotated.insert(0, file)
        self.packed.insert(0, False)
        for number in range(2 if delay else 1, len(self.rotated) + 1):
            if not self.packed[number - 1]:
                self.pack(number)

    # Renamed and compressed after a copy, the log looks as if it had only been renamed: what the copy missed leaves no
    # trace until the next run.
    @precondition(lambda self: not self.copied)
    @rule(delay=st.booleans(), create=st.booleans())
    def rename(self, delay: bool, create: bool) -> None:
        self.shift()
        self.path.rename(self.folder / "access.log.1")
        file, self.live = self.live, File()
        if create:
            self.path.touch()
        self.push(file, delay)
        self.path.touch()

    @precondition(lambda self: self.live.ids)
    @rule(delay=st.booleans(), between=st.integers(0, 2), read=st.booleans())
    def copytruncate(self, delay: bool, between: int, read: bool) -> None:
        self.shift()
        shutil.copyfile(self.path, self.folder / "access.log.1")
        copy = File()
        copy.ids, copy.partial, copy.renamed = [*self.live.ids], self.live.partial, False
        self.rotated.insert(0, File())
        self.packed.insert(0, False)
        # Without times a copy of less than the head is not known from what was written before it.
        knowable = self.stamp is stamp or self.path.stat().st_size > 1024
        if between:
            self.append(between, 0)
        if read and knowable:
            self.read()
        if self.known is self.live and self.place is not None and not self.all_ids(self.live) <= self.all_ids(copy):
            self.must_tell |= bool(self.all_ids(self.live) - self.all_ids(copy) - self.read_ids)
        if self.place is self.live:
            self.place = copy
        self.truncate_live()
        self.copied = True
        self.rotated.pop(0)
        self.packed.pop(0)
        self.push(copy, delay)

    @precondition(lambda self: self.live.ids)
    @rule(share=st.floats(0, 0.99))
    def read_while_a_copy_is_made(self, share: float) -> None:
        self.shift()
        data = self.path.read_bytes()
        copy = self.folder / "access.log.1"
        copy.write_bytes(data[: max(1, int(len(data) * share))])
        self.rotated.insert(0, File())
        self.packed.insert(0, False)
        self.read()
        copy.unlink()
        self.rotated.pop(0)
        self.packed.pop(0)
        for number in range(1, len(self.rotated) + 1):
            old = self.folder / self.name(number).name.replace(f".log.{number}", f".log.{number + 1}")
            old.rename(self.name(number))

    @precondition(lambda self: self.rotated and not self.packed[0] and self.rotated[0].ids)
    @rule(share=st.floats(0, 1))
    def read_while_a_file_is_compressed(self, share: float) -> None:
        data = gzip.compress(self.name(1).read_bytes())
        half = self.folder / "access.log.1.gz"
        half.write_bytes(data[: int(len(data) * share)])
        self.read()
        half.unlink()

    @rule()
    def empty_in_place(self) -> None:
        if self.place is self.live:
            self.must_tell |= bool(self.all_ids(self.live) - self.read_ids)
        self.truncate_live()

    def truncate_live(self) -> None:
        self.may_tell = True
        os.truncate(self.path, 0)
        kept = self.live
        kept.ids, kept.partial = [], None
        if self.place is kept:
            self.place = None

    @precondition(lambda self: self.rotated)
    @rule()
    def expire_the_oldest(self) -> None:
        self.name(len(self.rotated)).unlink()
        file = self.rotated.pop()
        self.packed.pop()
        gone = set(file.ids) - file.late - self.read_ids
        self.must_tell |= bool(gone) and self.place is not None
        self.adrift |= file is self.place
        self.may_tell = True

    def all_ids(self, file: File) -> set[int]:
        return {*file.ids} | ({file.partial} if file.partial is not None else set())

    def due(self) -> set[int]:
        """The ids that a reader has to know now: half a line counts once the writer has gone on, or cannot go on."""
        found, younger = set(self.live.ids), bool(self.live.ids)
        for file, packed in zip(self.rotated, self.packed, strict=True):
            found |= self.all_ids(file) if younger or packed else set(file.ids)
            younger |= bool(file.ids)
        return found

    def run(self) -> tuple[list[int], bool, Position]:
        with lock(self.saved), open_since(self.path, load(self.saved), self.first, self.stamp) as resumed:
            got = [int(found[2]) for _, block in resumed.blocks() for found in LINE.finditer(block)]
            return got, resumed.coverage.complete, resumed.position

    @rule()
    def read_and_die_before_saving(self) -> None:
        self.run()

    @rule()
    def read(self) -> None:
        before = load(self.saved)
        got, complete, position = self.run()
        if before is None and self.first == "end":
            assert got == []
            self.read_ids |= self.due()
        assert len(got) == len(set(got)), "twice in one run"
        assert not self.read_ids & set(got), "again"
        self.read_ids |= set(got)
        # Without the file read last only times tell what is new, and the end of half a line may be older than another.
        assert self.due() <= self.read_ids or (self.adrift and not complete), "a line that is there was not read"
        self.read_ids |= self.due()
        if self.must_tell:
            assert not complete, "lines are gone and nobody was told"
        if before is not None and before.youngest and not self.may_tell:
            assert complete, "nothing was lost"
        save(self.saved, position)
        self.must_tell = self.may_tell = self.copied = self.adrift = False
        begun = [file for file in [*reversed(self.rotated), self.live] if file.ids]
        self.place, self.known = (begun[-1] if begun else None), self.live

    @invariant()
    def state_is_whole(self) -> None:
        if hasattr(self, "saved"):
            load(self.saved)


RotatingLog.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestRotatingLog = RotatingLog.TestCase


def test_a_link_to_nowhere_in_the_set_is_named_and_stops_nothing(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(b"7 id=1 \n")
    (tmp_path / "access.log.2").symlink_to(tmp_path / "nothing")
    with open_since(log, None, "start", stamp) as resumed:
        assert [block for _, block in resumed.blocks()] == [b"7 id=1 \n"]
        assert any("a link to nowhere" in str(lost) for lost in resumed.coverage.lost)
    log.unlink()
    log.symlink_to(tmp_path / "nothing")
    with pytest.raises(LogError, match="a link to nowhere"), open_since(log, None):
        pass
