"""Renewers other than certbot, known by what they leave on disk: acme.sh, lego, dehydrated and Caddy. Read only.

Each writes beside its certificates what tells them apart from files that somebody put there. Where nothing of the kind
is found, nothing is said of a renewer. Certificates that a renewer copied elsewhere are known by acme.sh's own record
of the copy, and by being the same.
"""

from __future__ import annotations

import glob
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from opskit.model.message import say
from opskit.model.regex import regex
from opskit.model.typed import prepared
from opskit.probes.base import Deadline
from opskit.probes.certificate_evidence import Keeper, Keepers, Seen
from opskit.probes.certificate_pairs import real_path
from opskit.probes.exchange_evidence import Failure
from opskit.probes.starters import WORDS, head, starters

HOMES = ("/root/.acme.sh", "/home/*/.acme.sh", "/etc/acme.sh", "/usr/local/share/acme.sh", "/opt/acme.sh")
_MOST_RECORDS = 500
_JSON_CAP = 1 << 20
_ACME = regex(r"^(Le_[A-Za-z_]{1,40})='?([^'\n]{0,4096})", re.MULTILINE)
_ACME_TARGETS = ("Le_RealFullChainPath", "Le_RealCertPath")
_GENERATION = regex(r"(?:fullchain|cert)-[0-9]{9,11}\.pem")
_RENEW_DAYS = regex(r"^[ \t]*(?:export[ \t]+)?RENEW_DAYS=[\"']?([0-9]{1,4})\b", re.MULTILINE)
_DEHYDRATED = ("/etc/dehydrated/config", "/usr/local/etc/dehydrated/config")
_LEGO_DAYS = regex(rb"--days[ =]([0-9]{1,4})\b")


def renewers(files: Iterable[Seen], homes: Sequence[str], schedules: Sequence[str], deadline: Deadline) -> Keepers:
    """Return who renews these files, and what starts them."""
    files = list(files)
    deadline.enter(say("look for what renews the certificates"))
    records, hidden = _acme_records(homes) if files else ({}, set[str]())
    asks: tuple[Callable[[Seen], Keeper | None], ...] = (lambda seen: _acme(seen, records), _caddy, _lego, _dehydrated)
    kept = [found for seen in files if (found := next(filter(None, (ask(seen) for ask in asks)), None)) is not None]
    started = dict[str, list[str]]()
    for renewer in sorted({each.renewer for each in kept} & WORDS.keys()):
        lines, closed = starters(schedules, renewer)
        hidden |= closed
        started[renewer] = sorted(lines)
        if renewer == "lego":
            kept = [_with_days(each, lines.values()) for each in kept]
    return Keepers(kept, started, sorted(hidden))


class _Record(msgspec.Struct, frozen=True):
    """acme.sh's record of one certificate; `pem` is its own copy of it."""

    conf: str
    due: float | None
    pem: str
    failure: Failure | None = None


def _acme_records(homes: Sequence[str]) -> tuple[dict[str, _Record], set[str]]:
    """The records by the paths that they look after (DOMAIN/DOMAIN.conf, DOMAIN_ecc/DOMAIN.conf)."""
    found, hidden = dict[str, _Record](), set[str]()
    for home in homes:
        hidden |= {str(each) for each in _closed(home)}
        pattern = str(Path(home) / "*" / "*.conf")
        for path in itertools.islice(glob.iglob(pattern), _MOST_RECORDS):  # noqa: PTH207  # pathlib: no absolute one
            conf = Path(path)
            if conf.stem not in {conf.parent.name, conf.parent.name.removesuffix("_ecc")}:
                continue
            given, failure = _settings(conf)
            own = [conf.parent / "fullchain.cer", conf.parent / f"{conf.stem}.cer"]
            record = _Record(path, _epoch(given.get("Le_NextRenewTime", "")), _first_pem(own[1]), failure)
            targets = [given[name] for name in _ACME_TARGETS if given.get(name)]
            found |= {real_path(str(each)): record for each in (*own, *targets)}
    return found, hidden


def _closed(home: str) -> list[Path]:
    """Homes that this user may not look into, so that what is in them is not known."""
    places = glob.glob(str(Path(home).parent))[:_MOST_RECORDS]  # noqa: PTH207  # pathlib cannot glob an absolute one
    closed = list[Path]()
    for place in places:
        try:
            next(Path(place, Path(home).name).iterdir(), None)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            closed.append(Path(place, Path(home).name))
    return closed


def _settings(conf: Path) -> tuple[dict[str, str], Failure | None]:
    try:
        return dict(_ACME.findall(head(conf).decode("utf-8", "replace"))), None
    except OSError as error:
        return {}, Failure("file", "open", error.strerror or str(error))


def _epoch(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{9,11}", text.strip()) else None


def _first_pem(path: Path) -> str:
    try:
        text = head(path).decode("ascii", "replace")
    except OSError:
        return ""
    return _plain(text[: text.find("-----END")])


def _plain(pem: str) -> str:
    return "".join(pem.partition("-----END")[0].split())


def _acme(seen: Seen, records: dict[str, _Record]) -> Keeper | None:
    same = _plain(seen.pem[0]) if seen.pem else ""
    record = records.get(real_path(seen.place)) or next((each for each in records.values() if each.pem == same), None)
    if record is None or not same:
        return None
    return Keeper(seen.place, "acme.sh", record.conf, record.due, failure=record.failure)


def _caddy(seen: Seen) -> Keeper | None:
    """CertMagic's storage: certificates/ISSUER/NAME/NAME.crt beside NAME.json."""
    place = Path(seen.place)
    if place.parent.name != place.stem or place.parent.parent.parent.name != "certificates":
        return None
    record = place.with_suffix(".json")
    known = _json(record)
    return Keeper(seen.place, "Caddy", str(record)) if known is not None and "sans" in known else None


def _lego(seen: Seen) -> Keeper | None:
    """lego's storage: certificates/NAME.crt beside NAME.json."""
    place = Path(seen.place)
    record = place.with_suffix(".json")
    known = _json(record) if place.suffix == ".crt" and place.parent.name == "certificates" else None
    return Keeper(seen.place, "lego", str(record)) if known is not None and "certUrl" in known else None


def _json(path: Path) -> dict[str, object] | None:
    try:
        return msgspec.json.decode(head(path, _JSON_CAP), type=prepared(dict[str, object]))
    except (OSError, ValueError, RecursionError):
        return None


def _with_days(keeper: Keeper, lines: Iterable[bytes]) -> Keeper:
    """`--days` of the command that starts lego, where all that start it agree."""
    given = {found[1] if (found := _LEGO_DAYS.search(line)) else b"" for line in lines}
    if keeper.renewer != "lego" or len(given) != 1 or b"" in given:
        return keeper
    return msgspec.structs.replace(keeper, before=float(int(given.pop())))


def _dehydrated(seen: Seen) -> Keeper | None:
    """dehydrated's links: NAME/fullchain.pem leads to fullchain-EPOCH.pem beside it; NAME/config may set RENEW_DAYS."""
    place = Path(seen.place)
    real = Path(real_path(seen.place))
    if not _GENERATION.fullmatch(real.name) or place.name not in {"fullchain.pem", "cert.pem"}:
        return None
    base = place.parent.parent.parent
    confs = [Path(each) for each in _DEHYDRATED] + [base / "config", *sorted(base.glob("conf.d/*.sh"))[:_MOST_RECORDS]]
    before, used, failure = None, str(place.parent), None
    for conf in (*confs, place.parent / "config"):
        try:
            days = _RENEW_DAYS.findall(head(conf).decode("utf-8", "replace"))
        except OSError as error:
            failure = Failure("file", "open", error.strerror or str(error))
            continue
        before, used = (float(days[-1]), str(conf)) if days else (before, used)
    return Keeper(seen.place, "dehydrated", used, before=before, failure=failure)
