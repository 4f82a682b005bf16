"""Perfdata: written narrowly, read tolerantly."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.judge.perfdata import Performance, decimal, emit, parse

EMITTED = [
    (Performance("gpu0_mem_used", 40265318400, "B", "68719476736", "75161927680", 0, 85899345920),
     "gpu0_mem_used=40265318400B;68719476736;75161927680;0;85899345920"),
    (Performance("lat", 1e-07, "s"), "lat=0.0000001s"),
    (Performance("x", 1e20), "x=100000000000000000000"),
    (Performance("pct", 36.0, "%", "~:80", "~:90"), "pct=36%;80;90"),
    (Performance("days_left", 12.5, "", "14:", "5:"), "days_left=12.5;14:;5:"),
    (Performance("GPU 0 temp", 61), "GPU_0_temp=61"),
    (Performance("ok", True), "ok=1"),
    (Performance("x", None), ""),
    (Performance("x", math.nan), ""),
    (Performance("x", math.inf), ""),
    (Performance("x", -0.0), "x=0"),
    (Performance("x", 5), "x=5"),
    (Performance("x", 5, crit="9", low=0), "x=5;;9;0"),
    (Performance("a::b", 1), "a_b=1"),
    (Performance("0 'evil'|=", 1), "m_0_evil=1"),
    (Performance("x", 5, warn="@10:20"), "x=5;@10:20"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "text"), EMITTED)
def test_an_item_is_written_so_that_every_consumer_reads_it(item, text):
    assert emit([item]) == text


def test_the_same_label_is_written_once():
    assert emit([Performance("a b", 1), Performance("a_b", 2)]) == "a_b=1"


READ = [
    ("load1=0.42;5;9;0;", [("load1", 0.42, "", "5", "9", 0, None)], 0),
    ("'page file'=36%;80;90;", [("page file", 36, "%", "80", "90", None, None)], 0),
    ("/=382MB;15264;15269;; /var=218MB;9443;9448",
     [("/", 382, "MB", "15264", "15269", None, None), ("/var", 218, "MB", "9443", "9448", None, None)], 0),
    ("offset=-0.004476s;-60.000000:-5;-120.000000:-3;",
     [("offset", -0.004476, "s", "-60.000000:-5", "-120.000000:-3", None, None)], 0),
    ("salary=52GBP;~:23.5;45.2:", [("salary", 52, "GBP", "~:23.5", "45.2:", None, None)], 0),
    ("x=5;@10:20;~:30", [("x", 5, "", "@10:20", "~:30", None, None)], 0),
    ("x=U;80;90", [("x", None, "", "80", "90", None, None)], 0),
    ("  a=1  b=2 \n", [("a", 1, "", None, None, None, None), ("b", 2, "", None, None, None, None)], 0),
    ("'it''s'=1", [("it's", 1, "", None, None, None, None)], 0),
    (r"'C:\ Label:  Serial'=8015MB;16387;18435;0;20484 end=5",
     [(r"C:\ Label:  Serial", 8015, "MB", "16387", "18435", 0, 20484), ("end", 5, "", None, None, None, None)], 0),
    ("12345678901234567890=20", [("12345678901234567890", 20, "", None, None, None, None)], 0),
    ("offset=1.120567322e-05", [("offset", 1.120567322e-05, "", None, None, None, None)], 0),
    ("rta=&391ms;100,200 pl=0%;20;60", [("pl", 0, "%", "20", "60", None, None)], 1),
    ("time=1,391ms", [], 1),
    ("time=1800,600,300,0,3600 other=45.6", [("other", 45.6, "", None, None, None, None)], 1),
    ("a::b=1 c=2", [("a::b", 1, "", None, None, None, None), ("c", 2, "", None, None, None, None)], 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "items", "rejected"), READ)
def test_perfdata_of_the_wild_is_read(text, items, rejected):
    parsed = parse(text)
    assert [(i.label, i.value, i.unit, i.warn, i.crit, i.low, i.high) for i in parsed.items] == items
    assert parsed.rejected == rejected


@pytest.mark.parametrize(
    "bad", ["processes=9;WKFLSV32.exe;9=", "rubbish", "=5", "''=5", "' '=5", "'abc=5", "x=", "x=nan", "x=inf", "x=None"]
)
def test_one_bad_item_is_counted_and_its_neighbour_kept(bad):
    parsed = parse(f"{bad} good=1")
    assert [item.label for item in parsed.items] == ["good"]
    assert parsed.rejected >= 1


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_what_is_written_is_read_back(value):
    text = emit([Performance("v", value, "s")])
    assert "e" not in text.partition("=")[2]
    (item,) = parse(text).items
    assert item.value == pytest.approx(value, rel=1e-14, abs=1e-300)
    assert decimal(value) in text


def test_long_labels_that_differ_at_their_end_only_are_both_kept():
    folder = "validity_left_pct_/etc/letsencrypt/live/a-rather-long-name.chat.example.com"
    text = emit([Performance(f"{folder}/{name}.pem", value) for name, value in (("cert", 1), ("chain", 2))])
    labels = [item.label for item in parse(text).items]
    assert len(set(labels)) == 2
    assert all(len(label) == 63 for label in labels)
