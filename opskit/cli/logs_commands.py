"""`opskit logs`: the tree of its commands. Bodies are imported when they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
_WHEN = "1h, today, yesterday, 14:05, 2026-11-22, ISO 8601."
pass_options = click.make_pass_decorator(Options)

Body = Callable[..., Any]


def _all(*options: Callable[[Body], Body]) -> Callable[[Body], Body]:
    def decorated(body: Body) -> Body:
        for option in reversed(options):
            body = option(body)
        return body

    return decorated


_format = click.option(
    "--format",
    "format_name",
    default="auto",
    show_default=True,
    help="A name of `opskit logs formats`, nginx.conf:NAME, or a log_format.",
)
_spanned = _all(
    click.argument("paths", nargs=-1, required=True, type=_PATH),
    click.option("--since", help=_WHEN),
    click.option("--until", help="The same; exclusive."),
    _format,
    click.option("--since-last-run", "state", type=_PATH, metavar="STATE", help="Only new lines; STATE remembers."),
    click.option("--show-unparsed", type=click.IntRange(0, 100000), default=0, help="Show so many lines of no format."),
)
_output = _all(
    click.option("--json", "as_json", is_flag=True, help="One JSON object."),
    click.option("--csv", "as_csv", is_flag=True, help="Rows for a spreadsheet."),
)

_of_one_request = _all(
    click.argument("request_id"),
    click.argument("paths", nargs=-1, type=_PATH),
    _format,
    _output,
)


@click.group()
def logs() -> None:
    """Ask questions of logs. A path stands for its rotated set, compressed members included."""


@logs.command()
@_spanned
@click.option("--status", "statuses", default="401,429,500", show_default=True, help="Statuses or classes: 429,5xx.")
@click.option(
    "--by",
    default="client",
    show_default=True,
    help="client, user, path, route, method, agent, key, model, host, status, request_id, error, upstream_addr, "
    "upstream_status; several with commas.",
)
@click.option("-n", type=click.IntRange(1, 100000), default=5, show_default=True, help="How many of each.")
@_output
@pass_options
def top(options: Options, /, **given: Any) -> int:
    """Who met these statuses most: exact fields, not lines that happen to contain the digits."""
    from opskit.cli.logs import top as body

    return int(body(options, **given))


@logs.command()
@_spanned
@_output
@pass_options
def stats(options: Options, /, **given: Any) -> int:
    """How many, how they ended, how long they took: percentiles, and what the files do not cover."""
    from opskit.cli.logs_stats import stats as body

    return int(body(options, **given))


@logs.command()
@_spanned
@click.option("-n", type=click.IntRange(1, 10000), default=10, show_default=True, help="How many.")
@click.option("--over", type=click.FloatRange(0), default=0.0, metavar="SECONDS", help="Only those that took longer.")
@_output
@pass_options
def slow(options: Options, /, **given: Any) -> int:
    """The slowest requests, each with what the log knows of it."""
    from opskit.cli.logs_stats import slow as body

    return int(body(options, **given))


@logs.command()
@_of_one_request
@pass_options
def find(options: Options, /, **given: Any) -> int:
    """Every line about one request, in all logs of the configuration or in PATHS, with Nginx's errors beside it."""
    from opskit.cli.logs_story import find as body

    return int(body(options, **given))


@logs.command()
@_of_one_request
@pass_options
def story(options: Options, /, **given: Any) -> int:
    """The life of one request through all layers, in the order of time, with what each of them knew."""
    from opskit.cli.logs_story import story as body

    return int(body(options, **given))


@logs.command()
@pass_options
def formats(options: Options) -> int:
    """List the log formats that are understood."""
    from opskit.cli.logs import formats as body

    return body(options)
