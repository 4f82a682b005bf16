"""The state of the files: whether they could be read, whether Nginx could load them, and whether it has."""

from __future__ import annotations

from datetime import UTC, datetime

from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.probes.nginx_config_evidence import Config, Fault, File
from opskit.probes.nginx_config_findings import Findings, Told
from opskit.probes.nginx_config_level import DoubtError

_GRACE_S = 1.0
"""Nginx needs a moment between its start and the last of its files."""
_TICK_S = 0.02
"""The start of a process is known to a hundredth of a second, the time of a file to the kernel's tick."""


def tell_state(findings: Findings) -> None:
    """Tell the facts about the files themselves."""
    config = findings.config
    findings.ask("readable", lambda: Told(not config.unread))
    for fault in config.unread[:1]:
        findings.evidence["readable"] = (_at(fault),)
        findings.why["readable"] = say("{path} could not be read: {why}", path=fault.file, why=fault.text)
        findings.note(say("{path} could not be read: {why}", path=fault.file, why=fault.text))
    findings.ask("syntax_ok", lambda: _syntax(config))
    for fault in [*config.faults, *config.refused][:1]:
        findings.evidence["syntax_ok"] = (_at(fault),)
        reason = say("{text} ({place})", text=_said(config, fault), place=_place(fault))
        findings.why["syntax_ok"] = reason
        findings.note(say("{place}: {text}: correct it, then nginx -t", place=_place(fault), text=_said(config, fault)))
    findings.ask("changed_since_start", lambda: _changed(config))
    if findings.facts["changed_since_start"]:
        newest = _newest(config)
        text = f"written {_when(newest.changed or 0.0)}"
        findings.evidence["changed_since_start"] = (Evidence(newest.path, text, at=newest.changed),)
        findings.note(say("{path} was changed after Nginx read it: nginx -t, then reload", path=newest.path))


def _syntax(config: Config) -> Told:
    if config.faults or config.refused:
        return Told(False)
    if config.unread:
        raise DoubtError(say("{path} could not be read: {why}", path=config.unread[0].file, why=config.unread[0].text))
    if config.strange:
        first = config.strange[0]
        raise DoubtError(
            say("nothing is known of the directive {name} ({place}): nginx -t tells", name=first.text,
                place=_place(first))
        )  # fmt: skip
    return Told(True)


def _said(config: Config, fault: Fault) -> str:
    return f'unknown directive "{fault.text}"' if fault in config.refused else fault.text


def _changed(config: Config) -> Told:
    if config.running is None:
        raise DoubtError(say("the running Nginx was not found: {why}", why=config.hidden))
    if not config.files:
        raise DoubtError(say("no file was seen"))
    loaded, newest = config.running.loaded, _newest(config)
    if newest.changed is not None and newest.changed > loaded + _GRACE_S:
        return Told(True)
    if newest.changed is not None and newest.changed > loaded + _TICK_S:
        raise DoubtError(say("{path} was written in the moment in which Nginx read it", path=newest.path))
    if any(each.changed is None and each.touched is None for each in config.files) or config.unread:
        raise DoubtError(say("not all files could be looked at"))
    touched = max(config.files, key=lambda each: each.touched or 0.0)
    if (touched.touched or 0.0) > loaded + _TICK_S:
        # Moved into place, or only given another owner: the time of the content does not tell.
        raise DoubtError(say("{path} was touched after Nginx read it: perhaps a file came or went", path=touched.path))
    return Told(False)


def _when(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return "at a time that is none"


def _newest(config: Config) -> File:
    return max(config.files, key=lambda each: each.changed or 0.0)


def _at(fault: Fault) -> Evidence:
    return Evidence(fault.file, fault.text, line=fault.line or None)


def _place(fault: Fault) -> str:
    return f"{fault.file}:{fault.line}" if fault.line else fault.file
