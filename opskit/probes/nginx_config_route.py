"""The way of a request through a server: rewrites and conditions, the location, and who answers in the end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from opskit.model.message import say
from opskit.model.regex import regex
from opskit.probes.nginx_config_condition import Request, decide
from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_kept import answers, is_program
from opskit.probes.nginx_config_level import DoubtError, Level, blocks
from opskit.probes.nginx_config_location import located, name_of
from opskit.probes.nginx_config_pattern import match

Kind = Literal["passed", "files", "answered", "other"]
_MOST_TURNS = 10  # as Nginx itself (NGX_HTTP_MAX_URI_CHANGES)
_CAPTURE = regex(r"\$(\d)")
_ELSEWHERE = ("http://", "https://", "$scheme")


class Route(NamedTuple):
    """Who answers: `passed` on by `proxy_pass`, `files`, `answered` by `return`, or something `other`.

    `by` is the directive that says so, or the block where none does. `path` is what the request asks for by now;
    `changed` says that a rewrite made it so, and `broken` that the `uri` of a `proxy_pass` does not count any more.
    """

    kind: Kind
    by: Directive
    level: Level
    location: Directive
    path: str
    changed: bool = False
    broken: bool = False


def route(server: Level, request: Request) -> Route:
    """Follow a request. Raises DoubtError where its way depends on what the configuration does not tell."""
    return _Way(server, request).end()


class _Way:
    def __init__(self, server: Level, request: Request) -> None:
        self.server, self.request = server, request
        self.path = request.path.partition("?")[0]
        self.changed = self.broken = self.again = self.stopped = False
        self.turns = 0
        self.applied: Directive | None = None
        self.maybe = list[Directive]()

    def end(self) -> Route:
        told = self._steps(self.server, self.server.own)
        if told is not None:
            return told
        while True:
            found = self._served(located(self.server, self.path))
            if found is not None:
                return found

    def _served(self, level: Level) -> Route | None:
        """Return who answers at a level, None where the search begins anew with another path."""
        self.turns += 1
        if self.turns > _MOST_TURNS:
            raise DoubtError(say("{path} is rewritten again and again", path=self.request.path))
        location = level.block
        if level is not self.server:
            self.again = self.stopped = False
            self.applied, self.maybe = None, []
            told = self._steps(level, level.own)
            if told is not None:
                return told
            if self.again and not self.broken:
                return None
            if level.above is not None:
                level = level.above.below(location, self.maybe)
        tried = level.named("try_files")
        if tried:
            return self._tried(level, tried[-1])
        return self._handled(level.below(self.applied) if self.applied else level, location)

    def _steps(self, level: Level, directives: Iterable[Directive]) -> Route | None:
        """Run what the rewrite module does, in its order; return the answer where it gives one."""
        for each in directives:
            told = self._step(level, each)
            if told is not None or self.stopped:
                return told
        return None

    def _step(self, level: Level, each: Directive) -> Route | None:
        if each.name == "return":
            return self._at("answered", each, level)
        if each.name == "rewrite":
            return self._rewritten(level, each)
        if each.name == "if":
            return self._conditional(level, each)
        if each.name.startswith("rewrite_by_lua"):
            raise DoubtError(say("it depends on the program at {place}", place=level.place(each)))
        self.stopped = self.stopped or each.name == "break"
        return None

    def _conditional(self, level: Level, each: Directive) -> Route | None:
        holds = decide(each.args, self.request, self.path)
        if holds is False:
            return None
        inside = each.block or ()
        if holds is None:
            # Whoever is refused or sent away by it is not who is looked at.
            if any(one.name in {"rewrite", "break"} or answers(one.name) for one in inside):
                raise DoubtError(say("it depends on the condition at {place}", place=level.place(each)))
            self.maybe.append(each)
            return None
        self.applied = each
        return self._steps(level.below(each), inside)

    def _rewritten(self, level: Level, each: Directive) -> Route | None:
        pattern, target, flag = (*each.args, "", "", "")[:3]
        found = match(pattern, self.path, any_case=False)
        if found is None:
            return None
        if target.startswith(_ELSEWHERE) or flag in {"redirect", "permanent"}:
            return self._at("answered", each, level)
        self.path = _filled(target, found, level.place(each))
        self.changed = True
        self.broken = self.broken or flag == "break"
        self.again = flag != "break"
        self.stopped = flag in {"break", "last"}
        return None

    def _tried(self, level: Level, tried: Directive) -> Route | None:
        """`try_files`: none of the paths are files of this host, as far as anybody knows; the last one is taken."""
        last = tried.args[-1] if tried.args else "="
        fallback = self._fallback(level, last)
        if fallback is not None and fallback.kind == "files":
            return fallback
        if self.path.endswith("/") and any(word.endswith("/") for word in tried.args[:-1]):
            raise DoubtError(say("it depends on files in the folder of {place}", place=level.place(tried)))
        return fallback

    def _fallback(self, level: Level, last: str) -> Route | None:
        if last.startswith("="):
            return self._at("files", level.block, level)
        if last.startswith("@"):
            named = next((each for each in blocks(self.server.own, "location") if name_of(each).text == last), None)
            if named is None:
                raise DoubtError(say("no location is called {name}", name=last))
            return self._served(self.server.below(named))
        target = last.partition("?")[0]
        if "$" in target:
            raise DoubtError(say("it depends on a variable at {place}", place=level.place(level.block)))
        if located(self.server, target).block is level.block:
            return self._at("files", level.block, level)
        self.path, self.changed = target, True
        return None

    def _handled(self, level: Level, location: Directive) -> Route:
        for place in (level, level.above) if self.applied and level.above else (level,):
            handlers = [each for each in place.own if answers(each.name)]
            if handlers:
                by = handlers[-1]
                if is_program(by.name):
                    raise DoubtError(say("it depends on the program at {place}", place=level.place(by)))
                return self._at("passed" if by.name == "proxy_pass" else "other", by, level, location)
        return self._at("files", location, level, location)

    def _at(self, kind: Kind, by: Directive, level: Level, location: Directive | None = None) -> Route:
        return Route(kind, by, level, location or level.block, self.path, self.changed, self.broken)


def _filled(target: str, found: re.Match[str], place: str) -> str:
    """The new path of a `rewrite`, without its arguments."""
    path = target.partition("?")[0]
    groups = [found[0], *found.groups(default="")]
    text = _CAPTURE.sub(lambda each: groups[int(each[1])] if int(each[1]) < len(groups) else "", path)
    if "$" in _CAPTURE.sub("", path):
        raise DoubtError(say("it depends on a variable at {place}", place=place))
    return text
