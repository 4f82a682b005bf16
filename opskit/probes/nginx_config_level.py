"""One level of a configuration with those around it, and which directive is in force there.

Nginx merges from the outside in: what a level says itself replaces what it would inherit. Of the directives that form a
list (`add_header`, `proxy_set_header`, `access_log`, `limit_req`) one of its own replaces the whole list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opskit.model.message import Message, say
from opskit.probes.nginx_config_evidence import UNREAD, Config, Directive


class DoubtError(Exception):
    """Something cannot be told from the configuration; `reason` says why."""

    def __init__(self, reason: Message) -> None:
        self.reason = reason
        super().__init__(str(reason))


class Level:
    """A block and those around it. `maybe` are blocks of `if` in it that may or may not apply to a request."""

    def __init__(self, config: Config, block: Directive, above: Level | None, maybe: Sequence[Directive] = ()) -> None:
        self.config, self.block, self.above = config, block, above
        self.maybe = tuple(maybe)

    def below(self, block: Directive, maybe: Sequence[Directive] = ()) -> Level:
        """The level of a block in this one."""
        return Level(self.config, block, self, maybe)

    @property
    def own(self) -> tuple[Directive, ...]:
        """What stands in the block itself."""
        return self.block.block or ()

    def named(self, *names: str) -> tuple[Directive, ...]:
        """The block's own directives of these names."""
        return tuple(each for each in self.own if each.name in names)

    def all(self, name: str) -> tuple[Directive, ...]:
        """Return all that are in force of a name, its own or inherited; none where it is set nowhere.

        Raises DoubtError where a part of the configuration that could set it was not read, or a condition decides.
        """
        level: Level | None = self
        while level is not None:
            level.sure(name)
            found = level.named(name)
            if found:
                return found
            level.complete()
            level = level.above
        return ()

    def one(self, name: str) -> Directive | None:
        """Return the one that is in force, None where it is set nowhere. Raises DoubtError."""
        found = self.all(name)
        return found[-1] if found else None

    def value(self, name: str, default: str) -> str:
        """Return the first argument of the one that is in force. Raises DoubtError, also where it is a variable."""
        found = self.one(name)
        if found is None:
            return default
        text = found.args[0] if found.args else ""
        if "$" in text:
            raise DoubtError(say("it depends on a variable at {place}", place=self.place(found)))
        return text

    def complete(self) -> None:
        """Raises DoubtError where a part of this block was not read."""
        unread = self.named(UNREAD)
        if unread:
            path, why = (*unread[0].args, "", "")[:2]
            raise DoubtError(say("{path} could not be read: {why}", path=path, why=why))

    def sure(self, name: str) -> None:
        """Raises DoubtError where a condition decides whether a directive applies."""
        for block in self.maybe:
            if any(each.name in {name, UNREAD} for each in block.block or ()):
                raise DoubtError(say("it depends on the condition at {place}", place=self.place(block)))

    def place(self, directive: Directive) -> str:
        """`path:line` of a directive."""
        return f"{path_of(self.config, directive)}:{directive.line}"


def path_of(config: Config, directive: Directive) -> str:
    """The path of the file that a directive stands in."""
    if 0 <= directive.file < len(config.files):
        return config.files[directive.file].path
    return config.conf


def blocks(directives: Iterable[Directive], name: str) -> list[Directive]:
    """The blocks of a name."""
    return [each for each in directives if each.name == name and each.block is not None]
