"""Downloads from a server on this machine that behaves well, badly and in between."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
import urllib.request
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import filelock
import pytest
from fileserver import Behaviour, serving

from imtrans.errors import WeightsError
from imtrans.weights.download import Patience, _HttpOnly, download

CONTENT = os.urandom(400_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(timeout=10, attempts=3, pause=0.01)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "net.pth"


def leftovers(target: Path) -> list[str]:
    """Files beside the lock, which stays because removing it could rob another process of its own."""
    return sorted(entry.name for entry in target.parent.iterdir() if not entry.name.endswith(".lock"))


def fetch(behaviour: Behaviour, target: Path, **settings: Any) -> Path:
    return download(behaviour.url, target, patience=settings.pop("patience", QUICK), **settings)


# --- what should work -----------------------------------------------------------------------------------------------


def test_a_plain_download_with_progress(target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    with serving(Behaviour(CONTENT)) as server:
        found = fetch(server, target, sha256=DIGEST, size=len(CONTENT), progress=lambda *at: seen.append(at))
    assert found == target
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == ["net.pth"]
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_server_that_does_not_say_how_long_the_file_is(target: Path) -> None:
    seen: list[int | None] = []
    with serving(Behaviour(CONTENT, declare=False)) as server:
        fetch(server, target, progress=lambda _, total: seen.append(total))
    assert target.read_bytes() == CONTENT
    assert set(seen) == {None}


def test_a_broken_connection_is_continued_where_it_broke(target: Path) -> None:
    with serving(Behaviour(CONTENT, cut=[150_000, 100_000])) as server:
        fetch(server, target, sha256=DIGEST)
    assert target.read_bytes() == CONTENT
    assert [asked.get("Range") for asked in server.asked] == [None, "bytes=150000-", "bytes=250000-"]
    assert server.asked[1]["If-Range"] == '"v1"'


def test_a_later_call_continues_an_earlier_one(target: Path) -> None:
    with serving(Behaviour(CONTENT, cut=[150_000])) as server:
        with pytest.raises(WeightsError, match="150,000 of 400,000") as caught:
            fetch(server, target, patience=Patience(attempts=1))
        assert "continued next time" in caught.value.have
        assert not target.exists()
        fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.asked[1]["Range"] == "bytes=150000-"
    assert leftovers(target) == ["net.pth"]


def test_a_file_that_changed_meanwhile_is_fetched_afresh(target: Path) -> None:
    with serving(Behaviour(CONTENT, cut=[150_000])) as server:
        with pytest.raises(WeightsError):
            fetch(server, target, patience=Patience(attempts=1))
        server.content, server.etag = CONTENT[::-1], '"v2"'
        fetch(server, target)
    assert target.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_version_to_go_by_it_starts_over(target: Path, etag: str | None) -> None:
    with serving(Behaviour(CONTENT, cut=[150_000], etag=etag)) as server:
        fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert "Range" not in server.asked[1]


def test_with_a_digest_to_check_it_continues_all_the_same(target: Path) -> None:
    with serving(Behaviour(CONTENT, cut=[150_000], etag=None)) as server:
        fetch(server, target, sha256=DIGEST)
    assert server.asked[1]["Range"] == "bytes=150000-"
    assert "If-Range" not in server.asked[1]


@pytest.mark.parametrize(
    "server", [Behaviour(CONTENT, cut=[1000], ranges=False), Behaviour(CONTENT, cut=[1000], shift=7)]
)
def test_servers_that_cannot_continue_or_do_so_wrongly(target: Path, server: Behaviour) -> None:
    with serving(server):
        fetch(server, target)
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(target: Path) -> None:
    with serving(Behaviour(CONTENT, cut=[150_000])) as server:
        with pytest.raises(WeightsError):
            fetch(server, target, patience=Patience(attempts=1))
        server.content = CONTENT[:1000]
        fetch(server, target)
    assert target.read_bytes() == CONTENT[:1000]


def test_a_busy_server_is_asked_again(target: Path) -> None:
    with serving(Behaviour(CONTENT, busy=2)) as server:
        fetch(server, target)
    assert target.read_bytes() == CONTENT


def test_a_redirect_is_followed(target: Path) -> None:
    with serving(Behaviour(CONTENT, redirect="/elsewhere/other.pth")) as server:
        fetch(server, target)
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_there_is_kept_if_it_is_the_right_one(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    with serving(Behaviour(b"other")) as server:
        fetch(server, target, sha256=DIGEST)
        with pytest.raises(WeightsError, match="not the file that was published"):
            fetch(server, target, sha256="0" * 64)
    assert server.asked == []
    assert target.read_bytes() == CONTENT


def test_two_at_once_download_once(target: Path) -> None:
    with serving(Behaviour(CONTENT)) as server:
        threads = [threading.Thread(target=fetch, args=(server, target), kwargs={"patience": Patience()}) for _ in "12"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.asked) == 1
    assert target.read_bytes() == CONTENT


# --- what should fail, in words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words"), [(404, "not there any more"), (410, "any more"), (403, "is refused: .* 403")]
)
def test_a_file_that_is_gone(target: Path, status: int, words: str) -> None:
    with serving(Behaviour(CONTENT, status=status)) as server, pytest.raises(WeightsError, match=words):
        fetch(server, target)
    assert len(server.asked) == 1
    assert leftovers(target) == []


def test_a_wrong_digest_leaves_nothing_behind(target: Path) -> None:
    with serving(Behaviour(CONTENT)) as server, pytest.raises(WeightsError, match=DIGEST) as caught:
        fetch(server, target, sha256="0" * 64)
    assert "0" * 64 in caught.value.have
    assert leftovers(target) == []


@pytest.mark.parametrize("declare", [True, False])
def test_a_wrong_size_leaves_nothing_behind(target: Path, declare: bool) -> None:
    with serving(Behaviour(CONTENT, declare=declare)) as server, pytest.raises(WeightsError, match="400,000 bytes"):
        fetch(server, target, size=399_999)
    assert leftovers(target) == []


@pytest.mark.parametrize("declare", [True, False])
def test_a_file_that_is_too_large_is_refused(target: Path, declare: bool) -> None:
    with serving(Behaviour(CONTENT, declare=declare)) as server, pytest.raises(WeightsError, match="is too large"):
        fetch(server, target, max_size=300_000)
    assert leftovers(target) == []


@pytest.mark.parametrize(
    "page",
    [
        Behaviour(b"<!DOCTYPE html><html>We have moved</html>"),
        Behaviour(b"Please log in first", kind="text/html; charset=utf-8"),
    ],
)
def test_a_web_page_in_place_of_the_file_is_refused(target: Path, page: Behaviour) -> None:
    with serving(page), pytest.raises(WeightsError, match="gives a web page, not a file"):
        fetch(page, target)
    assert leftovers(target) == []


def test_a_server_that_falls_silent(target: Path) -> None:
    with serving(Behaviour(CONTENT, stall=threading.Event())) as server:
        with pytest.raises(WeightsError, match=r"sent nothing for 0\.1 seconds") as caught:
            fetch(server, target, patience=Patience(timeout=0.1, attempts=2, pause=0.01))
        assert "Tried 2 times" in caught.value.have
    assert "net.pth.part" in leftovers(target)


def test_no_network(target: Path) -> None:
    with serving(Behaviour()) as server:
        pass  # the port is free again, and nobody listens there
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1 cannot be reached"):
        fetch(server, target)


def test_a_name_that_nobody_answers_to(target: Path) -> None:
    with pytest.raises(WeightsError, match=r"no-such-host\.invalid cannot be reached"):
        download("http://no-such-host.invalid/net.pth", target, patience=QUICK)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/net.pth", "net.pth", "http:///net.pth", ""])
def test_only_the_web_is_downloaded_from(target: Path, url: str) -> None:
    with pytest.raises(WeightsError, match="is not a web address"):
        download(url, target)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/net.pth"])
def test_a_redirect_off_the_web_is_not_followed(target: Path, place: str) -> None:
    with serving(Behaviour(CONTENT, redirect=place)) as server, pytest.raises(WeightsError):
        fetch(server, target)
    assert leftovers(target) == []


def test_a_compressed_answer_is_refused(target: Path) -> None:
    compressed = Behaviour(CONTENT, extra={"Content-Encoding": "gzip"})
    with serving(compressed), pytest.raises(WeightsError, match="comes compressed"):
        fetch(compressed, target)


def test_a_full_disk(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with serving(Behaviour(CONTENT)) as server, pytest.raises(WeightsError, match=r"no room for net\.pth") as caught:
        fetch(server, target)
    assert "IMTRANS_CACHE" in caught.value.hint
    assert not target.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(WeightsError, match="cannot be written"):
        download("http://127.0.0.1:9/net.pth", tmp_path / "cache" / "net.pth", patience=QUICK)


def test_another_process_that_never_finishes(target: Path) -> None:
    target.parent.mkdir()
    held = filelock.FileLock(f"{target}.lock")
    with held, pytest.raises(WeightsError, match="another process has been downloading"):
        download("http://127.0.0.1:9/net.pth", target, patience=Patience(lock=0.1))


def test_a_redirect_that_gives_up_encryption_is_not_followed() -> None:
    body = io.BytesIO()
    request = urllib.request.Request("https://example.org/net.pth")
    with pytest.raises(WeightsError, match="not encrypted"):
        _HttpOnly().redirect_request(request, body, 302, "Found", HTTPMessage(), "http://example.org/net.pth")
    assert body.closed
