"""What an Icinga, or whatever answers in its place, may say: one sentence each, and no doubt about success.

That a real Icinga takes what is sent is shown in tests/monitors.
"""

from __future__ import annotations

import json

import pytest

from opskit.model.settings import IcingaSettings
from opskit.model.status import Status
from opskit.notify.icinga_api import ACTION, IcingaApi, payload, trouble
from opskit.notify.submission import Submission
from opskit.probes.exchange import Exchange, Failure

DONE = {"results": [{"code": 200.0, "status": "Successfully processed check result for object 'chat1!x'."}]}
DISABLED = {"results": [{"code": 403.0, "status": "Passive checks are disabled for object 'chat1!x'."}]}
BUSY = {"error": 503.0, "status": "Icinga is reloading"}


def told(status: int | None, body: object) -> str | None:
    text = body if isinstance(body, str) else json.dumps(body)
    found = trouble(Exchange("https://i:5665/v1", "POST", status, {}, text), "chat1!x")
    return None if found is None else str(found)


ANSWERS = [
    (200, DONE, None),
    (200, DISABLED, "Icinga did not take the result for chat1!x (200): Passive checks are disabled"),
    (403, DISABLED, "Icinga did not take the result for chat1!x (403): Passive checks are disabled"),
    (500, DONE, "Icinga did not take the result for chat1!x (500)"),
    (503, BUSY, "Icinga did not take the result for chat1!x (503): Icinga is reloading"),
    (500, {"results": []}, "Icinga has no service chat1!x"),
    (200, {"results": []}, "Icinga has no service chat1!x"),
    (404, {"error": 404, "status": "No objects found."}, "Icinga knows no service chat1!x, or its user lacks"),
    (
        401,
        "<h1>Unauthorized</h1>",
        "Icinga at https://i:5665/v1 does not accept the user, password or certificate (401)",
    ),
    # Something else stands there.
    (200, "<html>welcome</html>", "Icinga did not take the result for chat1!x (200): <html>welcome</html>"),
    (200, "", "Icinga did not take the result for chat1!x (200)"),
    (404, "<html>nginx</html>", "Icinga did not take the result for chat1!x (404): <html>nginx</html>"),
    (302, "moved", "Icinga did not take the result for chat1!x (302): moved"),
    (200, "[" * 100_000, "Icinga did not take the result for chat1!x (200)"),
    (200, {"results": "x"}, "Icinga did not take the result for chat1!x (200)"),
    (500, "Authorization: Basic aHVudGVyMg==", "(500): Authorization: [redacted]"),
]


@pytest.mark.parametrize(("status", "body", "text"), ANSWERS)
def test_an_answer_is_success_or_one_sentence(status, body, text):
    found = told(status, body)
    assert found is None if text is None else found is not None
    assert (text or "") in (found or "")
    assert len(found or "") < 500
    assert "\n" not in (found or "")


def test_no_answer_names_what_failed():
    asked = Exchange("https://i:5665/v1", "POST", failure=Failure("refused", "connect to", "Connection refused"))
    assert str(trouble(asked, "h!s")) == (
        "Icinga got no result: connection refused by https://i:5665/v1: nothing listens there"
    )


def result(ttl: float | None) -> Submission:
    name = 'x" || true || "y'
    return Submission("gpu", name, name, Status.UNKNOWN, "A\nB", ("a=1;2",), "", 5.0, 7.0, "chat1", ttl)


def test_names_are_variables_and_never_part_of_the_filter():
    sent = payload(result(180.0))
    assert "true" not in str(sent["filter"])
    assert sent["filter_vars"] == {"opskit_host": result(1).host, "opskit_service": result(1).service}
    assert {name: sent[name] for name in ("exit_status", "plugin_output", "performance_data", "ttl")} == {
        "exit_status": 3, "plugin_output": "A\nB", "performance_data": ["a=1;2"], "ttl": 180.0,
    }  # fmt: skip
    assert "ttl" not in payload(result(None))


def test_the_rest_is_not_tried_where_nobody_is_there(tmp_path):
    (tmp_path / "password").write_text("x")
    settings = IcingaSettings("https://127.0.0.1:9", user="a", password_file=str(tmp_path / "password"))
    assert [str(text) for text in IcingaApi(settings).submit([result(1)] * 3)] == [
        f"Icinga got no result: connection refused by https://127.0.0.1:9{ACTION}: nothing listens there",
        "2 more results were not submitted",
    ]


def test_a_variable_that_is_not_set_is_named():
    settings = IcingaSettings("https://127.0.0.1:9", user="a", password_file="$NO_SUCH")
    assert [str(text) for text in IcingaApi(settings, {}).submit([result(1)])] == [
        "The environment has no variable NO_SUCH for the password"
    ]
