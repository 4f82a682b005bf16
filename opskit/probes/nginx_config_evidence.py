"""What was read of an Nginx configuration: the directives that the probe `nginx_config` judges, and whence each came.

Only names, numbers, addresses and paths are kept; values that could be keys or words of users are left out where the
files are read, so that a bundle never holds them.
"""

from __future__ import annotations

import msgspec

from opskit.probes.base import Whole

UNREAD = "?unread"
"""The name of a directive in whose place something stands that could not be read: `args` are its path and the reason.

Nothing that is missing from the block around it is known to be missing.
"""


class Directive(msgspec.Struct, frozen=True, omit_defaults=True):
    """One directive. `file` counts in `Config.files`, `line` from 1; `block` is None where it has none."""

    name: str
    args: tuple[str, ...] = ()
    file: Whole = 0
    line: Whole = 0
    block: tuple[Directive, ...] | None = None

    def __str__(self) -> str:
        return " ".join((self.name, *self.args)) + (";" if self.block is None else " {")


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file, a link or a folder of a pattern that the configuration consists of; times are seconds of the epoch.

    `changed` is when its content was written (mtime), `touched` when anything about it last changed (ctime). Of a
    folder only `touched` is known: that one of its files may have come or gone.
    """

    path: str
    changed: float | None = None
    touched: float | None = None


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong at a place; `line` is 0 where it is a whole file."""

    file: str
    line: Whole
    text: str


class Running(msgspec.Struct, frozen=True, omit_defaults=True):
    """The Nginx that runs with this configuration. `loaded` is when it last read it: its start, or its last reload."""

    pid: Whole
    loaded: float


class Config(msgspec.Struct, frozen=True, omit_defaults=True):
    """A configuration. `faults` are mistakes that keep Nginx from loading it, `unread` is what could not be read.

    `strange` are directives that nothing is known of here; `refused` those among them that the installed Nginx does not
    know either. `partial` is set where the file begins inside of `http`. `running` is None where no Nginx, or more than
    one that it could be, was seen; `hidden` says why. `own` are addresses of the host itself.
    """

    conf: str
    files: list[File] = []
    directives: list[Directive] = []
    faults: list[Fault] = []
    unread: list[Fault] = []
    strange: list[Fault] = []
    refused: list[Fault] = []
    partial: bool = False
    running: Running | None = None
    hidden: str = ""
    version: str = ""
    own: list[str] = []
