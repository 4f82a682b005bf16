"""Icinga 2's API: a result is posted to `actions/process-check-result`, with the time for which it holds.

Icinga expects the next result within the `ttl`, and runs the service's own check command where none came (icinga2
doc/12-icinga2-api.md, "process-check-result"). Names go as variables of the filter, so no name can change what it says.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence

import msgspec

from opskit.logs.redact import redact
from opskit.model.message import Message, say
from opskit.model.settings import IcingaSettings
from opskit.model.typed import prepared
from opskit.notify.channel import ChannelError
from opskit.notify.secret import secret
from opskit.notify.submission import Submission
from opskit.probes.answer import failed
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.exchange import Exchange, Target, exchange

ACTION = "/v1/actions/process-check-result"
_LONGEST = 300  # of an answer that is quoted


class _Result(msgspec.Struct):
    """What Icinga says about one object."""

    code: float = 0.0
    status: str = ""


class _Answer(msgspec.Struct):
    """A list of results, or the error and its number."""

    results: list[_Result] = []
    status: str = ""


class IcingaApi:
    """Posts one result after the other within the time of the settings. `environ` is where `$NAME` is looked up."""

    def __init__(self, settings: IcingaSettings, environ: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environ = environ

    def submit(self, results: Sequence[Submission]) -> list[Message]:
        """Post the results. A service that is refused costs only itself; a server that is not there, the rest."""
        deadline = Deadline(self._settings.timeout)
        troubles = list[Message]()
        try:
            headers = self._headers()
            for number, result in enumerate(results):
                asked = self._post(result, headers, deadline)
                wrong = trouble(asked, f"{result.host}!{result.service}")
                if wrong is not None:
                    troubles.append(wrong)
                if asked.failure is not None or asked.status == 401:
                    left = len(results) - number - 1
                    return [*troubles, *([say("{n} more results were not submitted", n=left)] if left else [])]
        except ChannelError as error:
            troubles.append(error.message)
        except ProbeError as error:
            troubles.append(error.reason)
        return troubles

    def _post(self, result: Submission, headers: Mapping[str, str], deadline: Deadline) -> Exchange:
        target = Target(
            url=self._settings.url.rstrip("/") + ACTION,
            payload=payload(result),
            headers=dict(headers),
            ca_file=self._settings.ca_file,
            certificate_file=self._settings.certificate_file,
            key_file=self._settings.key_file,
        )
        return exchange(target, deadline)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self._settings.user is not None and self._settings.password_file is not None:
            password = secret(self._settings.password_file, self._environ)
            word = base64.b64encode(f"{self._settings.user}:{password}".encode()).decode("ascii")
            headers["Authorization"] = f"Basic {word}"
        return headers


def payload(result: Submission) -> dict[str, object]:
    """Return what is posted for a result. The state is a service's exit code; perfdata go apart from the text."""
    said: dict[str, object] = {
        "type": "Service",
        "filter": "host.name == opskit_host && service.name == opskit_service",
        "filter_vars": {"opskit_host": result.host, "opskit_service": result.service},
        "exit_status": result.status.exit_code,
        "plugin_output": result.text,
        "performance_data": list(result.perfdata),
        "check_command": ["opskit", "check", result.check],
        "check_source": result.source,
        "execution_start": result.began,
        "execution_end": result.ended,
    }
    return said if result.ttl is None else {**said, "ttl": result.ttl}


def trouble(asked: Exchange, service: str) -> Message | None:
    """Say what is wrong with an exchange, in one sentence that names what to look at; None where nothing is."""
    if asked.failure is not None:
        return say("Icinga got no result: {why}", why=failed(asked))
    if asked.status == 401:
        return say("Icinga at {url} does not accept the user, password or certificate (401)", url=asked.url)
    answer, status = _answer(asked.body), asked.status or 0
    if answer is not None and status == 404:
        return say(
            "Icinga knows no service {service}, or its user lacks the permission actions/process-check-result (404)",
            service=service,
        )
    if answer is not None and not answer.results and not answer.status:
        # A filter that matches nothing: 2.13 answers 500 with an empty list.
        return say("Icinga has no service {service}", service=service)
    bad = next((item.status for item in answer.results if not 200 <= item.code < 300), None) if answer else None
    if bad is None and answer is not None and 200 <= status < 300:
        return None
    said = bad or (answer.status if answer else "") or asked.body.strip().partition("\n")[0]
    return say(
        "Icinga did not take the result for {service} ({status}): {said}",
        service=service,
        status=status,
        said=redact(said)[:_LONGEST],
    )


def _answer(body: str) -> _Answer | None:
    try:
        return msgspec.json.decode(body, type=prepared(_Answer))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
