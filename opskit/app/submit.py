"""Hands results to the monitoring systems of the configuration, under the names that those know."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from opskit.app.context import Context
from opskit.app.run_checks import Outcome
from opskit.judge.settle import PATIENCE
from opskit.model.message import Message
from opskit.model.settings import IcingaSettings, NagiosSettings
from opskit.notify.registry import receiver_class
from opskit.notify.submission import Submission
from opskit.report.check_nagios import check_nagios
from opskit.report.check_passive import parted, passive_command
from opskit.report.check_text import Shown

Names = NagiosSettings | IcingaSettings


def receives(context: Context) -> bool:
    """True where a monitoring system is configured."""
    return any(_receivers(context).values())


def submit(context: Context, outcomes: Sequence[Outcome], host: str | None = None) -> list[Message]:
    """Submit the results to every system that is configured, and return what went wrong. Raises nothing for that.

    `host` goes before the configured names of this host.
    """
    if not outcomes:
        return []
    troubles = list[Message]()
    for name, names in _receivers(context).items():
        if names is not None:
            receiver = receiver_class(name)(names)
            troubles += receiver.submit([submission(context, outcome, names, host) for outcome in outcomes])
    return troubles


def passive_commands(context: Context, outcomes: Sequence[Outcome], host: str | None = None) -> list[str]:
    """Return the results as commands for Nagios, with the names of its settings or else their defaults."""
    names = context.settings.submit.nagios or NagiosSettings()
    return [submission(context, outcome, names, host).command for outcome in outcomes]


def submission(context: Context, outcome: Outcome, names: Names, host: str | None = None) -> Submission:
    """Return a result as a monitoring system takes it."""
    check, verdict = outcome.check, outcome.verdict
    shown: Shown = (check, verdict, outcome.state)
    known_as = host or names.host or platform.node()
    service = names.services.get(check.id) or names.service.replace("{check}", check.id)
    text, perfdata = parted(check_nagios([shown], context.reader))
    return Submission(
        check=check.id,
        host=known_as,
        service=service,
        status=verdict.status,
        text=text,
        perfdata=perfdata,
        command=passive_command(shown, context.reader, known_as, service),
        began=verdict.at - outcome.seconds,
        ended=verdict.at,
        source=platform.node(),
        ttl=PATIENCE * check.every or None,
    )


def _receivers(context: Context) -> dict[str, Names | None]:
    return {"nagios": context.settings.submit.nagios, "icinga": context.settings.submit.icinga}
