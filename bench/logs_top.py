"""Top 5 clients of the 401, 429 and 500 answers in a 100 MB access log: ours, the operators' pipeline, a plain loop.

Prints seconds of whole processes from one run (best of three each, the file is in the page cache for all), the
ratios, and stops with an error where the three do not count the same. Run: python bench/logs_top.py [MEGABYTES]
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATUSES = ("401", "429", "500")
OURS = """
import sys
from opskit.logs.top import Query, count
top = count(Query(paths=(sys.argv[1],), n=5, format="auto"))
assert top.account.unparsed == 0, top.account.unparsed
for status, rows in top.top.items():
    for row in rows:
        print(row.count, status, row.key[0])
"""
LOOP = """
import collections, re, sys
line = re.compile(r'(?P<client>\\S+) \\S+ \\S+ \\[(?P<time>[^\\]]+)\\] "(?P<request>[^"]*)" (?P<status>\\d+) ')
counts = collections.defaultdict(collections.Counter)
for text in open(sys.argv[1], errors="replace"):
    match = line.match(text)
    if match and match["status"] in ("401", "429", "500"):
        counts[match["status"]][match["client"]] += 1
for status in sorted(counts):
    for client, number in sorted(counts[status].items(), key=lambda item: (-item[1], item[0]))[:5]:
        print(number, status, client)
"""
# One pass over the file per status, as it is typed: grep for the status, then count the first column.
PIPE = (
    "for s in 401 429 500; do grep -E '\" '$s' ' \"$1\" | awk '{print $1}' | sort | uniq -c | sort -k1,1nr -k2,2"
    " | head -5 | awk -v s=$s '{print $1, s, $2}'; done"
)
# The single pipeline of the runbooks; it mixes the statuses, so only its time is comparable.
PIPE_MIXED = "grep -E '\" (401|429|500) ' \"$1\" | awk '{print $1}' | sort | uniq -c | sort -nr | head -5"


def write_log(path: Path, megabytes: int) -> int:
    """Write a seeded combined log and return its number of lines."""
    rng = random.Random(20261122)
    clients = [f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(2000)]
    agents = ["curl/8.5.0", "python-requests/2.32.3", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0"]
    paths = ["/v1/chat/completions", "/v1/models", "/", "/health", "/assets/index-4f2a.js?v=17"]
    statuses = [*["200"] * 90, "401", "401", "404", "429", "429", "429", "429", "499", "500", "502"]
    lines, written = 0, 0
    with path.open("w") as log:
        while written < megabytes * 1_000_000:
            second = lines // 40
            stamp = f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
            client = clients[min(rng.randrange(2000), rng.randrange(2000))]
            written += log.write(
                f"{client} - - [22/Nov/2026:{stamp} +0800] "
                f'"POST {rng.choice(paths)} HTTP/1.1" {rng.choice(statuses)} {rng.randrange(90000)} '
                f'"https://chat.example.com/c/{rng.randrange(10**6)}" "{rng.choice(agents)}"\n'
            )
            lines += 1
    return lines


def timed(argv: list[str]) -> tuple[float, str]:
    """Run a command three times; return the best wall time in seconds and its output."""
    best, out, env = float("inf"), "", {**os.environ, "LC_ALL": "C"}
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run(argv, check=True, text=True, capture_output=True, cwd=ROOT, env=env)
        best, out = min(best, time.perf_counter() - start), done.stdout
    return best, out


def main() -> None:
    """Generate, run, compare, print."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "access.log"
        lines = write_log(log, megabytes)
        ours, counted = timed([sys.executable, "-c", OURS, str(log)])
        loop, looped = timed([sys.executable, "-c", LOOP, str(log)])
        pipe, piped = timed(["bash", "-c", PIPE, "-", str(log)])
        mixed, _ = timed(["bash", "-c", PIPE_MIXED, "-", str(log)])
    assert counted == looped, f"plain loop differs:\n{counted}\n{looped}"
    assert counted == piped, f"pipeline differs:\n{counted}\n{piped}"
    print(f"log: {megabytes} MB, {lines} combined lines; the counts of all three agree")
    print(f"opskit.logs.top.count       {ours:6.2f} s  {lines / ours / 1e6:5.2f} million lines/s")
    for name, seconds in (
        ("grep|awk|sort, per status", pipe),
        ("grep|awk|sort, mixed", mixed),
        ("plain Python loop", loop),
    ):
        rate = lines / seconds / 1e6
        print(f"{name:27} {seconds:6.2f} s  {rate:5.2f} million lines/s  ours/theirs {ours / seconds:.2f}")


if __name__ == "__main__":
    main()
