"""`opskit logs` beside what people use: the pipelines of operators and of experts, and GoAccess; whole processes.

Writes seeded logs of about 500 MB, checks every count against a slow reference of its own, times ours and theirs in
turns with the files in the page cache (best of nine), prints a Markdown table, and ends with 1 where a count differs
or a target is missed. Run: python bench/logs.py [MEGABYTES]
"""

from __future__ import annotations

import compileall
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OPSKIT = str(Path(sys.executable).with_name("opskit"))
STATUSES = ("401", "429", "500")
DAY = 1795363200  # 2026-11-23T00:00:00+08:00
ENV = {**os.environ, "LC_ALL": "C", "TZ": "Asia/Shanghai", "XDG_CONFIG_HOME": "/nonexistent"}
AGENTS = ("curl/8.5.0", "python-requests/2.32.3", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0")
TARGETS = ("/v1/chat/completions", "/v1/models", "/", "/health", "/assets/index-4f2a.js?v=17")
# Parts of refused and failed requests: of a good day, and of days on which somebody looks.
USUAL = 0.01
WORSE = {"worse.log": 0.02, "bad.log": 0.07}
AWK = """awk '{c[$9" "$1]++} END{for(k in c)print c[k],k}' | sort -nr | head"""


class Race(NamedTuple):
    """Two commands that answer the same question, and how long ours may take as a part of theirs (None: no target)."""

    name: str
    ours: list[str]
    theirs: str
    limit: float | None


def requests(rng: random.Random, wanted: float) -> Iterator[tuple[int, str, str, float]]:
    """Yield milliseconds of a day, client, status and duration; `wanted` is the part of 401, 429 and 500."""
    clients = [f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(2000)]
    at = 0
    while True:
        at += 27
        status = (
            rng.choice(("401", "429", "429", "500")) if rng.random() < wanted else rng.choice(("200",) * 9 + ("404",))
        )
        yield at % 86_400_000, clients[min(rng.randrange(2000), rng.randrange(2000))], status, rng.expovariate(0.3)


def write(path: Path, size: int, wanted: float, line: Callable[[random.Random, str, str, str, float], str]) -> None:
    """Write lines up to a size; `line` makes one of the clock, the client, the status and the duration."""
    rng, written = random.Random(20261122), 0
    with path.open("w") as log:
        for at, client, status, seconds in requests(rng, wanted):
            clock = f"{at // 3600000:02d}:{at // 60000 % 60:02d}:{at // 1000 % 60:02d}.{at % 1000:03d}"
            written += log.write(line(rng, clock, client, status, seconds))
            if written > size:
                return


def combined(rng: random.Random, clock: str, client: str, status: str, seconds: float) -> str:
    """Return a combined line with the duration behind the agent."""
    return (
        f'{client} - - [23/Nov/2026:{clock[:8]} +0800] "POST {rng.choice(TARGETS)} HTTP/1.1" {status} '
        f'{rng.randrange(90000)} "https://chat.example.com/c/{rng.randrange(10**6)}" "{rng.choice(AGENTS)}"'
        f" request_time={seconds:.3f}\n"
    )


def audit(rng: random.Random, clock: str, client: str, status: str, seconds: float) -> str:
    """Return an audit record of a gateway."""
    return (
        f'{{"ts":"2026-11-23T{clock}+08:00","level":"info","msg":"request","request_id":"{rng.getrandbits(128):032x}",'
        f'"user_id":"u{rng.randrange(3000)}","client_ip":"{client}","method":"POST","path":"/v1/chat/completions",'
        f'"status":{status},"prompt_length":{rng.randrange(32000)},"response_time":{seconds:.3f},'
        f'"prompt_tokens":{rng.randrange(9000)},"completion_tokens":{rng.randrange(2000)}}}\n'
    )


def write_attack(path: Path) -> None:
    """Write a million clients that each were refused once."""
    with path.open("w") as log:
        for number in range(1_000_000):
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            log.write(f'{address} - - [23/Nov/2026:10:00:00 +0800] "GET / HTTP/1.1" 429 0 "-" "{number:032x}"\n')


def write_sparse(path: Path) -> None:
    """Write 5 GB that end now: old lines, a hole, and the last two hours."""
    now = int(time.time())

    def line(at: int) -> str:
        clock = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(at))
        return f'10.0.0.7 - - [{clock}] "GET / HTTP/1.1" 429 0 "-" "curl"\n'

    recent = "".join(line(now - 7200 + second) for second in range(7200) for _ in range(3))
    with path.open("w") as log:
        log.writelines(line(now - 86400 + second) for second in range(10_000))
        log.truncate(5_000_000_000 - len(recent))
        log.seek(0, os.SEEK_END)
        log.write("\n" + recent)


def reference(path: Path) -> dict[str, Counter[str]]:
    """Count in the plainest way that is right for these files."""
    line = re.compile(r'(\S+) - \S+ \[[^\]]+\] "[^"]*" (\d{3}) ')
    counts: dict[str, Counter[str]] = {status: Counter() for status in STATUSES}
    opened: Callable[..., Iterator[str]] = gzip.open if path.suffix == ".gz" else open
    for text in opened(path, "rt"):
        if text.startswith("{"):
            record = json.loads(text)
            client, status = record["client_ip"], str(record["status"])
        else:
            match = line.match(text)
            assert match, text
            client, status = match.groups()
        if status in counts:
            counts[status][client] += 1
    return counts


def check(path: Path) -> None:
    """Stop where our counts are not those of the reference."""
    told = json.loads(output([OPSKIT, "logs", "top", "--json", "-n", "100000", str(path)]))
    ours = {status: {row["client"]: row["count"] for row in rows} for status, rows in told["top"].items()}
    assert ours == reference(path), f"{path.name}: the counts differ"
    assert told["unparsed"] == 0, told["unparsed"]


def output(command: list[str]) -> str:
    return subprocess.run(command, check=True, text=True, capture_output=True, env=ENV).stdout


def seconds_of(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
    return time.perf_counter() - start


def race(contest: Race) -> bool:
    """Run both in turns, print a row, and tell whether the target is met."""
    theirs = ["bash", "-c", contest.theirs]
    slow = seconds_of(theirs) > 5
    times = [(seconds_of(contest.ours), seconds_of(theirs)) for _ in range(1 if slow else 9)]
    ours, other = min(one for one, _ in times), min(two for _, two in times)
    met = contest.limit is None or ours <= contest.limit * other
    target = "" if contest.limit is None else f"{contest.limit:.2f}"
    verdict = "" if contest.limit is None else "yes" if met else "**no**"
    print(f"| {contest.name} | {ours:.3f} s | {other:.3f} s | {ours / other:.2f} | {target} | {verdict} |", flush=True)
    return met


def peak_mb(command: list[str]) -> float:
    """Return the largest resident memory of a command or a process it started, in MB."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENV)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, command
    return usage.ru_maxrss * 1024 / 1e6


def races(folder: Path) -> list[Race]:
    """Return the contests."""
    top = [OPSKIT, "logs", "top", "--status", "401,429,500", "--by", "client"]
    plain, gateway = folder / "access.log", folder / "gateway.log"
    packed, day, empty = folder / "packed.log.gz", folder / "sparse.log", folder / "empty.log"
    empty.touch()
    operators = """awk '{print $1}' | sort | uniq -c | sort -nr | head -5"""
    found = f"""rg '" (401|429|500) ' {plain} | {AWK}"""
    of_json = f"""rg '"status":(401|429|500)\\b' {gateway} | jq -r '"\\(.status) \\(.client_ip)"'"""
    of_json += " | sort | uniq -c | sort -nr"
    goaccess = (
        f'goaccess {plain} --no-global-config --log-format=\'%h %^[%d:%t %^] "%r" %s %b "%R" "%u" request_time=%T\' '
    )
    goaccess += f"--date-format=%d/%b/%Y --time-format=%T -o {folder}/report.json"
    return [
        Race("top, combined, 1 % wanted; rg, awk", [*top, str(plain)], found, 1.0),
        *(
            Race(f"the same, {part:.0%} wanted; rg, awk", [*top, str(log)], found.replace(str(plain), str(log)), None)
            for log, part in ((folder / name, part) for name, part in WORSE.items())
        ),
        Race(
            "top, combined; operators' zgrep", [*top, str(plain)], f"zgrep '401\\|429\\|500' {plain} | {operators}", 0.5
        ),
        Race("top, gateway JSON; rg, jq", [*top, str(gateway)], of_json, 0.5),
        Race("top, .gz; zgrep, awk", [*top, str(packed)], f"""zgrep -E '" (401|429|500) ' {packed} | {AWK}""", 0.5),
        Race("stats with percentiles; GoAccess", [OPSKIT, "logs", "stats", str(plain)], goaccess, 0.15),
        Race(
            "top --since 1h of 5 GB; an empty file", [*top, "--since", "1h", str(day)], shell([*top, str(empty)]), 1.5
        ),
    ]


def shell(command: list[str]) -> str:
    return " ".join(command)


def main() -> int:
    """Generate, check, race, measure memory."""
    size = int(sys.argv[1] if len(sys.argv) > 1 else 500) * 1_000_000
    missing = [name for name in ("rg", "jq", "goaccess", "awk", "zgrep") if shutil.which(name) is None]
    if missing:
        sys.exit(f"bench/logs.py needs {', '.join(missing)}: apt-get install ripgrep jq goaccess")
    compileall.compile_dir(ROOT / "opskit", quiet=1)  # as pip does when it installs
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(folder / "access.log", size, USUAL, combined)
        for name, part in WORSE.items():
            write(folder / name, size, part, combined)
        write(folder / "gateway.log", size, 0.02, audit)
        with (folder / "access.log").open("rb") as plain, gzip.open(folder / "packed.log.gz", "wb", 6) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
        write_attack(folder / "attack.log")
        write_sparse(folder / "sparse.log")
        for log in ("access.log", *WORSE, "gateway.log", "packed.log.gz"):
            check(folder / log)
        print(f"{size / 1e6:.0f} MB each, {os.cpu_count()} cores; all counts are those of the reference\n")
        print("| question; peer | ours | theirs | ours/theirs | target | met |\n|---|---|---|---|---|---|")
        met = [race(contest) for contest in races(folder)]
        print("\n| peak memory of one process | MB | target | met |\n|---|---|---|---|")
        for command in (
            ("top", "access.log"),
            ("top", "packed.log.gz"),
            ("stats", "gateway.log"),
            ("top", "attack.log"),
        ):
            peak = peak_mb([OPSKIT, "logs", command[0], str(folder / command[1])])
            met.append(peak < 150)
            print(f"| {' '.join(command)} | {peak:.0f} | 150 | {'yes' if met[-1] else '**no**'} |", flush=True)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
