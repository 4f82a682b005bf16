"""What failures amount to: a guesser, a changed key, one user's limit, a bucket for all, a burst or a slow rise."""

from __future__ import annotations

import pytest

from opskit.logs.episode import episode
from tests.probes.asking import replay
from tests.probes.lines import end, moment

DAY = 86_400.0


def told(log: bytes) -> list[str]:
    return [str(note) for note in replay("gateway_log", log, recent_s=DAY).notes]


def lines(number: int, status: int, every_s: float, **more: object) -> bytes:
    """So many endings, the newest `every_s` seconds ago."""
    return b"".join(
        end(every_s * (number - n), f"r{status}-{n}-{more.get('user')}", status=status, **more)  # type: ignore[arg-type]
        for n in range(number)
    )


def test_many_keys_from_one_place_are_guesses() -> None:
    guesses = b"".join(
        end(60 - n, f"g{n}", status=401, user=None, client_ip="203.0.113.9", key_name=f"try-{n}") for n in range(12)
    )
    said = told(lines(20, 200, 3000) + guesses)
    assert "203.0.113.9 tried 12 different keys: somebody guesses" in said
    assert (
        "401: a burst, 12 of 12 from 2026-11-24 02:59 to 2026-11-24 02:59, nearly all by one client: 203.0.113.9"
        in said
    )
    assert not any("never served" in note for note in said)


def test_a_key_that_was_good_was_changed_and_one_that_is_good_again_was_not() -> None:
    before = b"".join(end(9000 - n, f"a{n}", key_name="k1") for n in range(5))
    after = b"".join(end(4000 - 60 * n, f"b{n}", status=401, key_name="k1") for n in range(12))
    said = told(before + after)
    assert "key k1 was good until 2026-11-24 00:30:04 and refused since: it was changed or taken away" in said
    assert not any("was good until" in note for note in told(before + after + end(5, "c", key_name="k1")))


def test_a_client_that_was_never_served_has_a_wrong_key_or_none() -> None:
    refused = b"".join(end(80000 - 6000 * n, f"x{n}", status=401, user="eve") for n in range(12))
    assert "eve was never served in this time: a wrong key, or none" in told(refused + lines(5, 200, 60))


def test_one_users_limit_and_a_bucket_that_all_share() -> None:
    one = told(lines(12, 429, 60, user="bob") + lines(30, 200, 60))
    assert "one user met the limit: bob" in one
    several = b"".join(end(600 - n, f"s{n}", status=429, user=f"user{n % 4}") for n in range(12))
    (shared,) = [note for note in told(several) if "share one" in note]
    assert shared.startswith("4 users met the limit, all from one address (10.0.0.1): ")
    apart = b"".join(end(600 - n, f"s{n}", status=429, user=f"user{n % 4}", client_ip=f"10.0.0.{n}") for n in range(12))
    assert not any("bucket" in note for note in told(apart))


def test_few_failures_have_no_form() -> None:
    assert [note.partition(":")[0] for note in told(lines(9, 502, 600))] == ["502"]


@pytest.mark.parametrize(
    ("times", "shape"),
    [
        ([0.5 + n / 1000 for n in range(20)], "burst"),
        ([n / 21 for n in range(20)], "even"),
        ([0.02, 0.3, 0.35, *[0.55 + n / 60 for n in range(6)], *[0.76 + n / 50 for n in range(12)]], "rise"),
    ],
)
def test_the_form_in_time(times: list[float], shape: str) -> None:
    found = episode([(at * DAY, f"c{n % 7}") for n, at in enumerate(times)], 0.0, DAY)
    assert found is not None
    assert (found.shape, found.noisy) == (shape, None)


def test_one_noisy_client_is_named_unless_nobody_has_a_name() -> None:
    for client, noisy in (("bob", "bob"), ("-", None)):
        found = episode([(float(n), client if n < 17 else f"c{n}") for n in range(20)], 0.0, DAY)
        assert found is not None
        assert (found.noisy, found.clients) == (noisy, 4)


def test_several_people_behind_one_address_may_have_several_old_keys() -> None:
    served = lines(40, 200, 1500, user=None, client_ip="127.0.0.1", key_name="good")
    old = b"".join(
        end(3000 - n, f"o{n}", 401, user=None, client_ip="127.0.0.1", key_name=f"k{n % 6}") for n in range(12)
    )
    said = told(served + old)
    assert not any(note.endswith("keys: somebody guesses") for note in said)
    assert any(note.startswith("127.0.0.1 tried 6 different keys and was served too") for note in said)


def test_keys_that_were_good_are_no_guesses_and_all_at_once_were_lost() -> None:
    def of(ago: int, status: int) -> bytes:
        return b"".join(
            end(ago - n, f"{status}-{n}", status, user=None, client_ip="127.0.0.1", key_name=f"k{n % 6}")
            for n in range(30)
        )

    said = told(of(9000, 200) + of(3000, 401))
    assert not any("guesse" in note or "was changed or taken" in note for note in said)
    assert any(
        note.startswith("6 keys were good until 2026-11-24 00:30:29 and nobody was served since") for note in said
    )


def test_the_limit_of_the_nameless_is_not_that_of_one_user() -> None:
    log = b"".join(end(600 - n, f"s{n}", 429, user=None if n else "alice", client_ip=f"10.0.0.{n}") for n in range(12))
    assert not any("met the limit" in note for note in told(log))


def test_secrets_in_names_and_paths_are_not_told() -> None:
    log = b"".join(
        end(600 - n, f"s{n}", 401, user="sk-abcdefghijkl", path="/v1/sk-abcdefghijkl/x;token=hunter2")
        for n in range(12)
    )
    said = " ".join(told(log))
    assert "401: 12 in all; most: [redacted] 12; " in said
    assert "abcdefgh" not in said
    assert "hunter2" not in said


def test_lines_of_pairs_are_records_too() -> None:
    pairs = "time={} level=INFO msg=request request_id=r{} user=bob path=/v1/x status={} response_time=1.5s\n"
    log = "".join(pairs.format(moment(60 + n).isoformat(), n, 200 if n else 502) for n in range(5)).encode()
    reading = replay("gateway_log", log, recent_s=DAY)
    assert (reading.facts["requests"], reading.facts["status_5xx"], reading.facts["median_s"]) == (5, 1, 1.5)
