"""Writes the JSON Schemas of the files that people write, from the shapes that read them: `make schemas`.

An editor that knows one completes keys and marks what is wrong while it is typed. It says no more than a schema can:
what conditions mean, and which names exist, is said by `opskit lint`.
"""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from opskit.definitions import scalars
from opskit.definitions.causes import CausesShape
from opskit.definitions.check_file import CheckShape, SelfJudgedShape
from opskit.definitions.playbooks import PlaybookShape, StepShape, TargetShape
from opskit.model.check import SELF_JUDGED
from opskit.model.text import Text

Schema = dict[str, Any]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_SENTENCE: Schema = {"type": "string", "pattern": r"\S"}
# The notations of opskit/definitions/scalars.py; a plain number may stand where its digits may.
_NOTATIONS: dict[Callable[[str], Any], Schema] = {
    scalars.duration: {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d|w)$"},
    scalars.sustain: {"type": "string", "pattern": r"^[0-9]{1,3} of [0-9]{1,3}$"},
    scalars.count: {"type": ["integer", "string"], "minimum": 1, "pattern": r"^[0-9]{1,9}$"},
    scalars.range_text: {"type": ["string", "number"]},
    scalars.included: {"type": "string", "pattern": r"^([A-Za-z0-9_-][A-Za-z0-9_.-]{0,62}/){1,9}[^/]+\.ya?ml$"},
}
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Any: {},
}
_NAMES = {"params": r"^[a-z][a-z0-9_]{0,62}$", "probes": r"^[a-z][a-z0-9_]{0,62}$", "steps": r"^[a-z][a-z0-9_]{0,62}$"}
_CODE = "^OPS[1-9][0-9]{2}$"


def schemas() -> dict[str, Schema]:
    """Every schema by the name of its file."""
    check = _Maker()
    checks = {"anyOf": [_mask(), {"$ref": check.struct(CheckShape)}, {"$ref": check.struct(SelfJudgedShape)}]}
    check.defs["CheckShape"]["properties"]["rules"]["minItems"] = 1
    check.defs["SelfJudgedShape"]["properties"]["probe"] = {"enum": sorted(SELF_JUDGED)}
    playbook = _Maker()
    playbooks = {"anyOf": [_mask(), {"$ref": playbook.struct(PlaybookShape)}]}
    causes = _Maker()
    cause_files = {"$ref": causes.struct(CausesShape)}
    return {
        "check-v1.json": _whole("opskit.check/v1", checks, check),
        "playbook-v1.json": _whole("opskit.playbook/v1", playbooks, playbook),
        "causes-v1.json": _whole("opskit.causes/v1", cause_files, causes),
    }


def _whole(title: str, root: Schema, maker: _Maker) -> Schema:
    return {"$schema": _DRAFT, "title": title, **root, "$defs": dict(sorted(maker.defs.items()))}


def _mask() -> Schema:
    """A file that does nothing but switch off the shipped one of the same name."""
    return {
        "type": "object",
        "properties": {"enabled": {"const": False}},
        "required": ["enabled"],
        "additionalProperties": False,
    }


class _Maker:
    """Turns shapes into schemas; a Struct is described once, under `$defs`."""

    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}

    def struct(self, kind: type[msgspec.Struct]) -> str:
        """Describe a Struct, and return the reference to it."""
        name = kind.__name__
        if name not in self.defs:
            self.defs[name] = {}
            self.defs[name] = self._text() if kind is Text else self._object(kind)
        return f"#/$defs/{name}"

    def _object(self, kind: type[msgspec.Struct]) -> Schema:
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = msgspec.structs.fields(kind)
        found: Schema = {"type": "object"}
        if kind.__doc__:
            found["description"] = kind.__doc__.partition("\n")[0].replace("`", "")
        found["properties"] = {field.encode_name: self._member(kind, field, hints) for field in fields}
        found["required"] = [field.encode_name for field in fields if field.required]
        found["additionalProperties"] = False
        return found

    def _member(self, kind: type[msgspec.Struct], field: Any, hints: dict[str, Any]) -> Schema:
        if kind is StepShape and field.name in {"yes", "no", "unknown"}:
            return self._branch()
        found = self._type(hints[field.name])
        if field.name in _NAMES and "additionalProperties" in found:
            found = {**found, "propertyNames": {"pattern": _NAMES[field.name]}}
        if field.name == "causes":
            found = {**found, "propertyNames": {"pattern": _CODE}}
        return found

    def _branch(self) -> Schema:
        return {"anyOf": [{"type": "string"}, {"$ref": self.struct(TargetShape)}]}

    def _type(self, kind: Any) -> Schema:
        origin, parts = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            return dict(_NOTATIONS[parts[1]])
        if origin in {typing.Union, types.UnionType}:
            rest = [part for part in parts if part is not type(None)]
            return {"anyOf": [self._type(rest[0]), {"type": "null"}]}
        if origin is tuple:
            return {"type": "array", "items": self._type(parts[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._type(parts[1])}
        if origin is Literal:
            return {"enum": list(parts)}
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return {"$ref": self.struct(kind)}
        return dict(_PLAIN[kind])

    def _text(self) -> Schema:
        both: Schema = {"en": _SENTENCE, "zh": {"anyOf": [_SENTENCE, {"type": "null"}]}}
        words = {"type": "object", "properties": both, "required": ["en"], "additionalProperties": False}
        return {"description": "A sentence, or one for each language.", "anyOf": [_SENTENCE, words]}


def main(folder: Path) -> None:
    """Write all of them into the folder."""
    for name, schema in schemas().items():
        (folder / name).write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
