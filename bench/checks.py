"""A cold `opskit check ID` beside the smallest command that click can start, and beside the C plugins of Debian.

Installs opskit as its users do, into an environment of its own in which both commands run. Starts a lab for the checks
to look at, lets every command run once, then all of them in turns: whatever else this machine does in the meantime
slows all alike. Each row is the median of its runs as whole processes, with bytecode compiled, a configuration and a
history. Prints Markdown tables, and ends with 1 where a check answered UNKNOWN or a target is missed.
Run: python bench/checks.py [ROUNDS]
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

import yaml

from opskit.lab.stack import Stack, fresh
from opskit.lab.users import ask

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = Path("/usr/lib/nagios/plugins")
LIMIT = 2.5  # a check that asks nobody over the network, as a part of what click takes to start
HELLO = '''import click


@click.command()
@click.argument("name")
def main(name: str) -> None:
    """Greet."""
    click.echo(f"Hello {name}")
'''
# As pip writes it.
SCRIPT = """#!{python}
import re
import sys
from hello import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""


class Entrant(NamedTuple):
    """A command and what a row says of it; `offline` ones have the target."""

    name: str
    looks_at: str
    command: list[str]
    offline: bool = False


# A process inherits the peak of the one that starts it, so a small one does. Prints KiB.
PEAK = """import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
print(os.wait4(pid, 0)[2].ru_maxrss)"""


class Run(NamedTuple):
    """Seconds of the clock, and of the processors."""

    seconds: float
    cpu: float


class Course(NamedTuple):
    """All runs of one command, and the largest resident memory of one of its processes, in MB."""

    runs: list[Run]
    peak_mb: float

    @property
    def seconds(self) -> float:
        """The median of the clock."""
        return median(run.seconds for run in self.runs)


def measured(command: list[str], env: Mapping[str, str]) -> Run:
    """Run a command; what a check says is no failure, but UNKNOWN means that it did not do its work."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode in {0, 1, 2}, f"ended with {child.returncode}: {' '.join(command)}"
    return Run(seconds, usage.ru_utime + usage.ru_stime)


def peak_mb(command: list[str], env: Mapping[str, str]) -> float:
    """Return the largest resident memory of a command or a process it started, in MB."""
    words = [sys.executable, "-I", "-S", "-c", PEAK, *command]
    ended = subprocess.run(words, check=True, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return int(ended.stdout) * 1024 / 1e6


def installed(folder: Path) -> Path:
    """Install opskit from this checkout, with what it needs and nothing else; return the folder of its programs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    programs = folder / "bin"
    subprocess.run([str(programs / "pip"), "install", "--quiet", str(ROOT)], check=True, stderr=subprocess.DEVNULL)
    return programs


def hello(programs: Path) -> Entrant:
    """Install the smallest click command beside it, as a package of one module with a console script."""
    python = programs / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    module = Path(subprocess.run(asked, check=True, text=True, stdout=subprocess.PIPE).stdout.strip(), "hello.py")
    module.write_text(HELLO)
    subprocess.run([str(python), "-m", "compileall", "-q", str(module)], check=True)
    script = programs / "hello"
    script.write_text(SCRIPT.format(python=python))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return Entrant("click hello", "nothing", [str(script), "world"])


def files_only(stack: Stack, folder: Path) -> Path:
    """Write the lab's configuration once more, without the endpoints of its certificates."""
    told = yaml.safe_load(stack.plan.config_file.read_text())
    del told["certificates"]["endpoints"]
    path = folder / "files-only.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def entrants(stack: Stack, folder: Path, programs: Path) -> list[Entrant]:
    """Return every shipped check."""
    opskit = str(programs / "opskit")

    def check(name: str, looks_at: str, config: Path = stack.plan.config_file, *, offline: bool = False) -> Entrant:
        command = [opskit, "--config", str(config), "check", name.partition(",")[0]]
        return Entrant(name, looks_at, command, offline)

    return [
        check("host-resources", "/proc, disks", offline=True),
        check("nginx-errors", "a log", offline=True),
        check("gateway-errors", "a log", offline=True),
        check("certificate, files only", "files", files_only(stack, folder), offline=True),
        check("gpu-temperature", "NVML, in a process of its own", offline=True),
        check("gpu-health", "NVML likewise, a log", offline=True),
        check("gpu-memory", "NVML likewise, HTTP"),
        check("gpu-expected", "NVML likewise, HTTP, two logs"),
        check("certificate", "files, two handshakes"),
        check("clawdbot-health", "HTTP"),
        check("ollama-health", "HTTP, a log"),
        check("latency", "three answers of the model"),
    ]


def peers(stack: Stack) -> dict[str, list[Entrant]]:
    """Return Debian's plugins by the check that they stand beside."""
    host, port = "127.0.0.1", str(stack.plan.ports.clawdbot)
    disk, http = str(PLUGINS / "check_disk"), str(PLUGINS / "check_http")
    certificate = [http, "-H", "chat.example.test", "-I", host, "-p", str(stack.plan.ports.https), "-S", "-C", "20,5"]
    return {
        "host-resources": [Entrant("check_disk", "one disk", [disk, "-w", "10%", "-c", "3%", "-p", "/"])],
        "clawdbot-health": [Entrant("check_http", "HTTP", [http, "-I", host, "-p", port, "-u", "/health"])],
        "certificate": [Entrant("check_http -C", "one handshake", certificate)],
    }


def rounds(everybody: list[Entrant], number: int, env: Mapping[str, str]) -> dict[str, Course]:
    """Let each command run once for its memory, the page cache and the history, then all of them in turns."""
    found = {each.name: Course([], peak_mb(each.command, env)) for each in everybody}
    for _ in range(number):
        for each in everybody:
            found[each.name].runs.append(measured(each.command, env))
    return found


def cells(each: Entrant, course: Course, bare: Course) -> tuple[str, float]:
    """Return the beginning of a row, and how many bare starts the command takes."""
    ratio = course.seconds / bare.seconds
    least, cpu = min(run.seconds for run in course.runs), min(run.cpu for run in course.runs)
    times = " | ".join(f"{1000 * value:.0f} ms" for value in (course.seconds, least, cpu))
    return f"| {each.name} | {each.looks_at} | {times} | {course.peak_mb:.0f} | {ratio:.2f} |", ratio


def told(checks: list[Entrant], found: dict[str, Course], start: Entrant) -> bool:
    """Print how the checks stand beside the bare start, and tell whether all targets are met."""
    print("| check | looks at | median | best | processor, best | peak MB | x click hello | target | met |")
    print("|---|---|---|---|---|---|---|---|---|")
    bare, met = found[start.name], True
    print(f"{cells(start, bare, bare)[0]} | |")
    for each in checks:
        row, ratio = cells(each, found[each.name], bare)
        good = ratio <= LIMIT or not each.offline
        met = met and good
        print(f"{row} {LIMIT if each.offline else ''} | {('yes' if good else '**no**') if each.offline else ''} |")
    return met


def told_beside(beside: dict[str, list[Entrant]], found: dict[str, Course]) -> None:
    """Print how the checks stand beside the plugins."""
    print("\n| check | ours | peer | theirs | ours/theirs |\n|---|---|---|---|---|")
    for check, plugins in beside.items():
        for plugin in plugins:
            ours, theirs = found[check].seconds, found[plugin.name].seconds
            print(f"| {check} | {ours * 1e3:.0f} ms | {plugin.name} | {theirs * 1e3:.0f} ms | {ours / theirs:.1f} |")


def main() -> int:
    """Start the lab, race, print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    missing = [name for name in ("check_disk", "check_http") if not (PLUGINS / name).exists()]
    if missing:
        sys.exit(f"bench/checks.py needs {', '.join(missing)}: apt-get install monitoring-plugins-basic")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        programs = installed(folder / "installed")
        start = hello(programs)
        homes = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}
        env = {**os.environ, **homes, "LC_ALL": "C.UTF-8"}
        stack = fresh(folder / "lab", remembered=False)
        stack.up()
        try:
            # The rounds ask more often than the gateway lets anybody.
            stack.change({"gateway": {"rate_limit": {"max_requests": 100_000}}}, [])
            for user in range(5):  # a log that nobody wrote to is no measure
                ask(stack.plan, user)
            checks, plugins = entrants(stack, folder, programs), peers(stack)
            others = [each for several in plugins.values() for each in several]
            found = rounds([start, *checks, *others], number, env)
        finally:
            stack.down()
    print(f"{number} rounds, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    met = told(checks, found, start)
    told_beside(plugins, found)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
