"""The daemon at work beside the agents that people run today: processor time and memory over the same minutes.

Starts a lab for the checks to look at, then `opskit run` with 30 checks, Glances, Netdata, and Prometheus with its
node exporter, all from Debian, all at once on this machine. After a minute of warming up every process of each is
counted until the end: processor time of children that have ended included, memory as the resident set of all that are
alive, the mean of a sample every five seconds. Prints a Markdown table, and ends with 1 where a target is missed.
Run: python bench/daemon.py [MINUTES]
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import psutil
import yaml

from checks import installed
from opskit.lab.stack import Stack, fresh
from opskit.lab.users import ask

ROOT = Path(__file__).resolve().parent.parent
MINUTES = 10.0
WARM_S, SAMPLE_S = 60.0, 5.0
CHECKS = 30
MOST_MB, MOST_PCT = 60.0, 0.4


class Watched(NamedTuple):
    """A program with its first process."""

    name: str
    process: subprocess.Popen[bytes]


class Use(NamedTuple):
    """Percent of one processor, and MB."""

    cpu_pct: float
    rss_mb: float


def main(minutes: float) -> int:
    """Run them all, and print the table."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab = stack.enter_context(_lab(folder))
        for number in range(20):
            ask(lab.plan, number)
        entrants = [stack.enter_context(_running(*one)) for one in _entrants(folder, lab)]
        time.sleep(WARM_S)
        uses = _measured(entrants, minutes * 60)
        dead = [each.name for each in entrants if each.process.poll() is not None]
    return _told(entrants, uses, dead, minutes)


@contextmanager
def _lab(folder: Path) -> Iterator[Stack]:
    lab = fresh(folder / "lab", remembered=False)
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


def _entrants(folder: Path, lab: Stack) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Yield name, command and environment of each."""
    site = folder / "site"
    _thirty_checks(site, lab.plan.urls["clawdbot"])
    config = yaml.safe_load(lab.plan.config_file.read_text())
    config["history"] = {"path": str(folder / "history.db")}
    (folder / "opskit.yaml").write_text(yaml.safe_dump(config))
    opskit = str(installed(folder / "installed") / "opskit")
    ours = [opskit, "--config", str(folder / "opskit.yaml"), "--definitions", str(site), "run"]
    yield "opskit run, 30 checks", ours, {}
    yield "Glances", [_need("glances"), "--quiet", "--time", "2"], {}
    yield "Netdata", [_need("netdata"), "-D", "-s", "/", "-p", "39999"], {}
    scraped = folder / "prometheus.yml"
    scraped.write_text(
        "global: {scrape_interval: 15s}\nscrape_configs:\n  - job_name: node\n"
        "    static_configs: [{targets: ['127.0.0.1:39101']}]\n"
    )
    data = str(folder / "prometheus")
    listen = "--web.listen-address=127.0.0.1:39090"
    yield "Prometheus", [_need("prometheus"), f"--config.file={scraped}", f"--storage.tsdb.path={data}", listen], {}
    yield "node exporter", [_need("prometheus-node-exporter"), "--web.listen-address=127.0.0.1:39101"], {}


def _thirty_checks(site: Path, url: str) -> None:
    """Beside the shipped ones with their own schedules, pages that are asked for every one to five minutes."""
    (site / "checks").mkdir(parents=True)
    shipped = sorted((ROOT / "checks").glob("*.yaml"))
    for number in range(CHECKS - len(shipped)):
        every = ("1m", "2m", "5m")[number % 3]
        text = (
            f"summary: {{en: Page {number} answers, zh: 页面 {number} 可达}}\nwhy: {{en: a page, zh: 页面}}\n"
            f"probe: http\nwith: {{url: '{url}/health?n={number}', decoy: false, gateway_path: false}}\n"
            f"every: {every}\ntimeout: 10s\n"
            "rules:\n  - {metric: total_s, warn: '5', crit: '10'}\n"
        )
        (site / "checks" / f"page-{number:02}.yaml").write_text(text)


def _need(program: str) -> str:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        sys.exit(f"{program} is missing: make bench installs it as root")
    return path


@contextmanager
def _running(name: str, command: list[str], environment: dict[str, str]) -> Iterator[Watched]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Watched(name, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _measured(entrants: list[Watched], seconds: float) -> dict[str, Use]:
    before = {each.name: _cpu(each) for each in entrants}
    sizes: dict[str, list[float]] = {each.name: [] for each in entrants}
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for each in entrants:
            sizes[each.name].append(_rss(each))
        time.sleep(SAMPLE_S)
    lasted = time.monotonic() - began
    return {
        each.name: Use((_cpu(each) - before[each.name]) / lasted * 100, mean(sizes[each.name])) for each in entrants
    }


def _family(each: Watched) -> list[psutil.Process]:
    try:
        process = psutil.Process(each.process.pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu(each: Watched) -> float:
    """Seconds of processor of all its processes, those that have ended and were waited for included."""
    total = 0.0
    for process in _family(each):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _rss(each: Watched) -> float:
    total = 0
    for process in _family(each):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def _told(entrants: list[Watched], uses: dict[str, Use], dead: list[str], minutes: float) -> int:
    print(f"{minutes:g} minutes, all at once\n")
    print("| program | processor, % of one | resident memory, MB | target | met |\n|---|---|---|---|---|")
    missed = list(dead)
    for each in entrants:
        use, target, met = uses[each.name], "", ""
        if each is entrants[0]:
            target = f"{MOST_PCT:g} %, {MOST_MB:g} MB"
            good = use.cpu_pct <= MOST_PCT and use.rss_mb <= MOST_MB
            met = "yes" if good else "**no**"
            missed += [] if good else ["target"]
        print(f"| {each.name} | {use.cpu_pct:.2f} | {use.rss_mb:.0f} | {target} | {met} |")
    for name in dead:
        print(f"\n{name} did not live to the end: its row says nothing")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
