"""The page of a day: what it loads (nothing), what it escapes (everything), and its charts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import msgspec
import pytest

from opskit.model.reader import Reader
from opskit.report.chart import HEIGHT, WIDTH, chart
from opskit.report.daily_html import daily_html
from opskit.report.day import Curve
from opskit.report.picture import picture
from tests.report.builders import CHINESE, ENGLISH, HOSTILE, make_day

SVG = "{http://www.w3.org/2000/svg}"


def drawn(points: list[tuple[float, float]], until: float = 86_400.0, **more: object) -> ElementTree.Element:
    return ElementTree.fromstring(chart(points, 0.0, until, [], "name", **more))  # noqa: S314  # our own


def line(of: ElementTree.Element) -> list[tuple[str, float, float]]:
    path = next(each.get("d", "") for each in of.iter(f"{SVG}path") if each.get("class") == "line")
    return [(kind, float(x), float(y)) for kind, x, y in re.findall(r"([ML])([\d.-]+) ([\d.-]+)", path)]


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = daily_html(make_day(), ENGLISH)
    assert "<script" not in page
    assert re.findall(r"(?:src|href|url\()[=(]?[\"']?(?:https?:|//)", page) == []
    assert re.findall(r"<(?:link|iframe|object|embed|form)\b", page) == []
    assert re.findall(r"\son\w+=", page) == []
    assert "prefers-color-scheme: dark" in page
    assert "@page { size: A4" in page


def test_what_comes_from_outside_is_text() -> None:
    day = make_day()
    hostile = msgspec.structs.replace(
        day,
        host=HOSTILE,
        incidents=(msgspec.structs.replace(day.incidents[0], summary=HOSTILE, checks=(HOSTILE,)),),
        traffic=msgspec.structs.replace(
            day.traffic, counts=(msgspec.structs.replace(day.traffic.counts[0], top=((HOSTILE, 1),)),)
        ),
        certificates=(msgspec.structs.replace(day.certificates[0], name=HOSTILE),),
        changes=(msgspec.structs.replace(day.changes[0], path=HOSTILE),),
    )
    page = daily_html(hostile, ENGLISH)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6
    assert "\x1b" not in page
    assert "\x00" not in page


def test_each_language_says_which_it_is() -> None:
    assert '<html lang="en">' in daily_html(make_day(), ENGLISH)
    assert '<html lang="zh-Hans">' in daily_html(make_day(), CHINESE)


@pytest.mark.parametrize("make", [{"silent": True}, {"quiet": True}])
def test_a_day_with_little_on_it_is_a_page_too(make: dict[str, bool]) -> None:
    page = daily_html(make_day(**make), ENGLISH)
    assert page.rstrip().endswith("</html>")
    assert "<svg" not in page


def test_the_glance_has_the_colour_of_the_day() -> None:
    assert '<section class="glance ok">' in daily_html(make_day(quiet=True), ENGLISH)
    assert '<section class="glance critical">' in daily_html(make_day(), ENGLISH)
    assert '<section class="glance unknown">' in daily_html(make_day(silent=True), ENGLISH)


def test_for_mail_the_charts_are_pictures_that_the_page_names() -> None:
    pictures: dict[str, bytes] = {}
    page = daily_html(make_day(), ENGLISH, pictures)
    assert "<svg" not in page
    assert sorted(pictures) == ["chart1", "chart2"]
    assert re.findall(r'src="cid:(\w+)"', page) == ["chart1", "chart2"]
    for png in pictures.values():
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (2 * WIDTH, 2 * HEIGHT)


def test_the_line_goes_through_its_values() -> None:
    found = line(drawn([(0.0, 0.0), (4000.0, 10.0), (8000.0, 5.0)]))
    assert [kind for kind, _, _ in found] == ["M", "L", "L"]
    (_, x0, y0), (_, _, y1), (_, x2, y2) = found
    assert x0 < x2 < WIDTH
    assert y0 > y2 > y1 >= 0  # higher values stand higher
    assert y2 == pytest.approx((y0 + y1) / 2, abs=0.2)


def test_nothing_is_drawn_over_a_gap() -> None:
    found = line(drawn([(0.0, 1.0), (900.0, 1.0), (40_000.0, 1.0), (40_900.0, 1.0)]))
    assert [kind for kind, _, _ in found] == ["M", "L", "M", "L"]


def test_of_very_many_values_the_extremes_stay() -> None:
    points = [(number * 1.0, 50.0) for number in range(86_400)]
    points[40_000] = (40_000.0, 99.0)
    points[70_000] = (70_000.0, 1.0)
    found = line(drawn(points))
    assert len(found) <= 2 * WIDTH
    heights = [y for _, _, y in found]
    flat = max(set(heights), key=heights.count)
    assert sum(y < flat - 20 for y in heights) == 1
    assert sum(y > flat + 20 for y in heights) == 1


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e-9, 1e12])
def test_a_series_that_never_changes_has_an_axis(value: float) -> None:
    (found,) = line(drawn([(0.0, value)]))
    assert 0 <= found[2] <= HEIGHT


def test_the_band_and_the_mean_lie_within_the_picture() -> None:
    svg = drawn([(0.0, 100.0)], mean=20.0, band=(10.0, 30.0))
    band = next(each for each in svg.iter(f"{SVG}rect"))
    assert 0 <= float(band.get("y", "-1")) < float(band.get("y", "0")) + float(band.get("height", "0")) <= HEIGHT


def test_the_marks_are_those_of_the_clock_on_the_wall() -> None:
    """On 29 March 2026 Berlin has no hour from two to three: four o'clock comes after three hours."""
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 3, 29, tzinfo=berlin)
    end = datetime(2026, 3, 30, tzinfo=berlin)
    day = make_day()
    curve = Curve(day.curves[0].name, "s", ((begin.timestamp() + 60, 1.0),))
    short = msgspec.structs.replace(day, since=begin.timestamp(), until=end.timestamp(), curves=(curve,))
    page = daily_html(short, Reader(berlin))
    marks = dict(re.findall(r'<text class="axis" x="([\d.]+)" y="145" text-anchor="middle">(\d\d:00)', page))
    at = {text: float(x) for x, text in marks.items()}
    hours = timedelta(seconds=end.timestamp() - begin.timestamp()) / timedelta(hours=1)
    assert hours == 23
    width = WIDTH - 46 - 8
    assert at["04:00"] == pytest.approx(46 + 3 / 23 * width, abs=0.2)
    assert at["20:00"] == pytest.approx(46 + 19 / 23 * width, abs=0.2)


def test_the_picture_has_digits_where_a_font_is_there() -> None:
    points = [(0.0, 1.0), (3600.0, 2.0)]
    with_text = picture(chart(points, 0.0, 86_400.0, [(43_200.0, "12:00")], "n"))
    assert with_text is not None
    assert len(with_text) > 500


def test_the_zone_is_that_of_the_reader() -> None:
    assert "made 2026-09-24" in daily_html(make_day(), ENGLISH)
    assert "+00:00 by opskit" in daily_html(make_day(), Reader(UTC))
