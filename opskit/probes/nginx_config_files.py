"""Reads the files of a configuration, includes followed, within limits: on files, bytes, depth and time.

The words are split by crossplane, and its tables say where a directive may stand and with how many arguments. Includes
are followed here: a file is looked at before it is opened (a pipe would never end), one that includes itself is not
entered again, and each is judged in every place where it is included.
"""

from __future__ import annotations

import glob
import stat
from collections.abc import Iterator
from pathlib import Path

from crossplane.errors import NgxParserBaseException
from crossplane.lexer import lex

from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.probes.base import Deadline
from opskit.probes.nginx_config_evidence import UNREAD, Config, Directive, Fault, File
from opskit.probes.nginx_config_grammar import Context, inner, is_strange, mistake, opaque
from opskit.probes.nginx_config_kept import kept
from opskit.probes.nginx_config_words import ENDS, Words, arguments, entries_of, skip

_MOST_FILES = 300
_MOST_BYTES = 4 << 20
_DEEPEST = 24
_MOST_TOLD = 20
_MOST_KEPT = 20_000
_LONGEST = 200
_SITE = frozenset({"server", "upstream", "map", "log_format"})


class Place:
    """Where the reading stands: a file, the files around it, the kind of block, and how deep it is."""

    def __init__(self, path: str, number: int, context: Context, outer: tuple[str, ...] = (), depth: int = 0) -> None:
        self.path, self.number, self.context, self.outer, self.depth = path, number, context, outer, depth

    def block(self, name: str) -> Place:
        """The place inside of a block of that name."""
        return Place(self.path, self.number, inner(name, self.context), self.outer, self.depth + 1)

    def file(self, path: str, number: int) -> Place:
        """The place at the beginning of a file that is included here."""
        return Place(path, number, self.context, (*self.outer, self.path), self.depth + 1)


class Files:
    """One reading of a configuration; `config` has its results."""

    def __init__(self, conf: str, deadline: Deadline) -> None:
        self._base, self._deadline = Path(conf).parent, deadline
        self._bytes = self._kept = 0
        self._numbers: dict[str, int] = {}
        self._modules: list[str] = []
        self._full = ""
        self.config = Config(conf)

    @property
    def modules(self) -> list[str]:
        """What `load_module` names."""
        return self._modules

    def read(self) -> bool:
        """Read everything; return whether the main file begins inside of `http`. Raises OSError where it is closed."""
        path = self.config.conf
        Path(path).open("rb").close()
        partial = self._begins_inside(path)
        start = Place(path, self._number(path), ("http",) if partial else ())
        self.config.directives.extend(self._file(start))
        return partial

    def _begins_inside(self, path: str) -> bool:
        """Whether it is the file of a site alone, which knows nothing of the `http` around it."""
        if self._closed(path):
            return False
        names, depth, first = set[str](), 0, True
        try:
            for word, _, quoted in lex(path):
                depth += {"{": 1, "}": -1}.get(word, 0) if not quoted else 0
                if first and not depth:
                    names.add(word)
                first = not quoted and (word in ENDS or word.startswith("#"))
                if "http" in names or self._late():
                    return False
        except (NgxParserBaseException, OSError, ValueError, RuntimeError):
            return False
        return bool(names & _SITE) and not names & {"events", "stream", "mail"}

    def _file(self, place: Place) -> list[Directive]:
        why = self._closed(place.path) or self._room(place.path)
        if why:
            return [self._missed(place, 0, place.path, why)]
        try:
            words = lex(place.path)
            return list(self._block(words, place))
        except NgxParserBaseException as error:
            self._fault(place, error.lineno or 0, str(error.strerror))
        except OSError as error:
            return [self._missed(place, 0, place.path, error.strerror or "")]
        except (ValueError, RuntimeError) as error:
            self._fault(place, 0, type(error).__name__)
        return []

    def _block(self, words: Words, place: Place) -> Iterator[Directive]:
        """Yield what is kept of a block, includes in their place."""
        if place.depth > _DEEPEST:
            yield self._missed(place, 0, place.path, "nested too deeply")
            skip(words)
            return
        for word, line, quoted in words:
            if not quoted and word == "}":
                return
            if self._late() or self._full:
                yield self._missed(place, line, place.path, self._full or "no time left")
                return
            if not quoted and word.startswith("#"):
                continue
            if not quoted and word in ENDS:
                self._fault(place, line, f'unexpected "{word}"')
                continue
            args, end = arguments(words)
            yield from self._directive(Directive(word, tuple(args), place.number, line), end, words, place)
            if end in {"}", ""}:
                return

    def _directive(self, found: Directive, end: str, words: Words, place: Place) -> Iterator[Directive]:
        wrong = mistake(found, end, place.context)
        if wrong:
            self._fault(place, found.line, wrong)
        elif is_strange(found.name, place.context) and len(self.config.strange) < _MOST_TOLD:
            self.config.strange.append(Fault(place.path, found.line, _told(found.name)))
        if found.name == "load_module":
            self._modules.extend(found.args[:1])
        if end == "{":
            yield from self._with_block(found, words, place)
        elif found.name == "include" and found.args:
            yield from self._included(found, place)
        else:
            yield from self._keep(found, None, place)

    def _with_block(self, found: Directive, words: Words, place: Place) -> Iterator[Directive]:
        if opaque(found.name, place.context):
            entries = tuple(entries_of(words, found, place.number)) if found.name == "map" else ()
            if found.name != "map":
                skip(words)
            yield from self._keep(found, entries, place)
        else:
            yield from self._keep(found, tuple(self._block(words, place.block(found.name))), place)

    def _keep(self, found: Directive, block: tuple[Directive, ...] | None, place: Place) -> Iterator[Directive]:
        if place.context[:1] != ("http",) and found.name not in {"http", "pid"}:
            return
        args = kept(found.name, found.args)
        if args is None:
            return
        self._kept += 1
        if self._kept > _MOST_KEPT:
            self._full = self._full or f"more than {_MOST_KEPT} directives"
        yield Directive(found.name, args, place.number, found.line, block)

    def _included(self, found: Directive, place: Place) -> Iterator[Directive]:
        pattern = str(self._base / found.args[0])
        paths = [pattern]
        if glob.has_magic(pattern):
            paths = sorted(glob.glob(pattern))  # noqa: PTH207  # pathlib cannot glob an absolute pattern
            self._look(str(Path(pattern).parent), folder=True)
        for path in paths:
            if path in (*place.outer, place.path):
                self._fault(place, found.line, f"{path} includes itself")
                continue
            if self._late() or self._full:
                yield self._missed(place, found.line, path, self._full or "no time left")
                return
            yield from self._file(place.file(path, self._number(path)))

    def _closed(self, path: str) -> str:
        """Why a file may not be opened, empty where it may."""
        try:
            mode = Path(path).stat()
        except (OSError, ValueError) as error:
            return getattr(error, "strerror", None) or str(error)
        if not stat.S_ISREG(mode.st_mode):
            return "not a file"
        return "too large" if mode.st_size > _MOST_BYTES else ""

    def _room(self, path: str) -> str:
        self._bytes += Path(path).stat().st_size
        if self._bytes > _MOST_BYTES:
            self._full = f"more than {_MOST_BYTES} bytes"
        return self._full

    def _late(self) -> bool:
        self._deadline.stage = say("read {path}", path=self.config.conf)
        return self._deadline.left <= 0

    def _number(self, path: str) -> int:
        """The file's number. Its times are looked at once, those of a link beside those of what it leads to."""
        if path not in self._numbers:
            self._numbers[path] = len(self.config.files)
            self._look(path)
        if len(self._numbers) > _MOST_FILES:
            self._full = self._full or f"more than {_MOST_FILES} files"
        return self._numbers[path]

    def _look(self, path: str, *, folder: bool = False) -> None:
        try:
            told = (Path(path).stat(), Path(path).lstat())
        except (OSError, ValueError):
            if folder:
                return
            found = File(path)
        else:
            changed = None if folder else max(each.st_mtime for each in told)
            found = File(path, changed, max(max(each.st_ctime, each.st_mtime) for each in told))
        if not folder or found not in self.config.files:
            self.config.files.append(found)

    def _missed(self, place: Place, line: int, path: str, why: str) -> Directive:
        if len(self.config.unread) < _MOST_TOLD:
            self.config.unread.append(Fault(path, 0, why))
        return Directive(UNREAD, (path, why), place.number, line)

    def _fault(self, place: Place, line: int, text: str) -> None:
        if len(self.config.faults) < _MOST_TOLD:
            self.config.faults.append(Fault(place.path, line, _told(text)))


def _told(text: str) -> str:
    return redact(text)[:_LONGEST]
