"""A URL -> a verified file: in one piece or not at all, and continued where an earlier attempt broke off.

Written on the standard library's urllib, because what matters here (resuming only the same file, refusing by size and
digest, sentences for what goes wrong) would be ours to write on top of any other library too.

While it runs there are ``<file>.part`` (what has arrived), ``<file>.part.json`` (which version of the file that is)
and ``<file>.lock`` (so that two processes do not write one file).
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import filelock

from imtrans.errors import WeightsError
from imtrans.version import __version__
from imtrans.weights.digests import sha256_of
from imtrans.weights.sniff import is_html

Progress = Callable[[int, int | None], None]
"""Called with the bytes that have arrived and the bytes in all, None where the server does not say."""

CHUNK = 1 << 17
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be gone a moment later."""


@dataclass(frozen=True)
class Patience:
    """How long to put up with a bad line."""

    timeout: float = 30.0
    """Seconds without a byte before a connection counts as lost."""
    attempts: int = 4
    """Connections to try; each goes on where the last broke off."""
    pause: float = 1.0
    """Seconds before the second attempt; doubled before each further one."""
    lock: float = 900.0
    """Seconds to wait for another process that downloads the same file."""


@dataclass(frozen=True)
class _Job:
    """One download, as the functions below hand it on."""

    url: str
    part: Path
    sha256: str | None
    size: int | None
    max_size: int
    progress: Progress | None
    timeout: float

    @property
    def note(self) -> Path:
        return self.part.with_name(self.part.name + ".json")

    def discard(self) -> None:
        """Leave nothing behind."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


class _LostError(Exception):
    """The connection broke or the server is busy: worth another attempt."""


def download(
    url: str,
    destination: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    max_size: int = 1 << 30,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Path:
    """Fetch ``url`` to ``destination``; a file that is already there (from another process, say) is verified and kept.

    Args:
        url: http or https.
        destination: the file's final name; its folder is made if need be.
        sha256: hexadecimal digest that the file must have, where one was published.
        size: bytes that the file must have, where known.
        max_size: bytes beyond which the download is refused.
        progress: see :data:`Progress`.
        patience: see :class:`Patience`.

    Raises:
        WeightsError: another scheme, no network, no such file, a web page in its place, too large, another digest, no
            room. An interrupted download stays as ``.part`` and is continued next time; a wrong file is deleted.
    """
    patience = patience or Patience()
    _check_scheme(url)
    part = destination.with_name(destination.name + ".part")
    job = _Job(url, part, sha256, size, max_size, progress, patience.timeout)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with _alone(destination, patience.lock):
            if not destination.exists():
                _fetch(job, patience)
                _verify(job, job.part)
                _publish(job, destination)
            else:
                _verify(job, destination)
    except OSError as error:
        raise _cannot_store(destination, error) from error
    return destination


# --- attempts -------------------------------------------------------------------------------------------------------


def _fetch(job: _Job, patience: Patience) -> None:
    """Attempt until the part is whole."""
    for attempt in range(patience.attempts):
        try:
            _attempt(job)
            return
        except _LostError as lost:
            if attempt + 1 == patience.attempts:
                raise WeightsError(
                    f"{job.url} could not be downloaded: {lost}.",
                    have=f"Tried {patience.attempts} times; what arrived is kept and continued next time.",
                    hint="Check the network and try again, or fetch the file with a browser and give its path.",
                ) from lost
        time.sleep(patience.pause * 2**attempt)


def _attempt(job: _Job) -> None:
    """One connection: ask for what is missing, and append it."""
    offset, validator = _resumable(job)
    with _open(job, offset, validator) as response:
        start, total = _position(job, response, offset)
        _check_sizes(job, total)
        if start == 0:
            _note_version(job, response)
        _receive(job, response, start, total)


def _resumable(job: _Job) -> tuple[int, str | None]:
    """Bytes of an earlier attempt to go on from, and the server's name for that version of the file."""
    try:
        note = json.loads(job.note.read_text(encoding="utf-8"))
        offset = job.part.stat().st_size
    except (OSError, ValueError):
        return 0, None
    validator = note.get("validator") if isinstance(note, dict) and note.get("url") == job.url else None
    # Without a version the server may splice two files together; only a digest to check at the end makes up for that.
    if offset > job.max_size or not (isinstance(validator, str) or job.sha256):
        return 0, None
    return offset, validator if isinstance(validator, str) else None


def _note_version(job: _Job, response: Any) -> None:
    tag = response.headers.get("ETag", "")
    strong = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
    job.note.write_text(json.dumps({"url": job.url, "validator": strong}), encoding="utf-8")


# --- one connection -------------------------------------------------------------------------------------------------


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """Follow redirects to http and https alone, and never from https down to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            _check_scheme(newurl)
            if req.type == "https" and newurl.lower().startswith("http:"):
                raise WeightsError(f"{req.full_url} leads on to {newurl}, which is not encrypted; it is not followed.")
        except WeightsError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextlib.contextmanager
def _open(job: _Job, offset: int, validator: str | None) -> Iterator[Any]:
    """The server's response, with whatever goes wrong on the line turned into words."""
    headers = {"User-Agent": f"imtrans/{__version__}", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if validator:
            headers["If-Range"] = validator
    request = urllib.request.Request(job.url, headers=headers)
    try:
        with urllib.request.build_opener(_HttpOnly).open(request, timeout=job.timeout) as response:
            yield response
    except urllib.error.HTTPError as error:
        raise _refused(job, error) from error
    except urllib.error.URLError as error:
        raise _unreachable(job, error.reason) from error
    except (http.client.HTTPException, ConnectionError, ssl.SSLError) as error:
        raise _LostError(f"the connection broke ({type(error).__name__})") from error
    except TimeoutError as error:
        raise _LostError(f"the server sent nothing for {job.timeout:g} seconds") from error


def _refused(job: _Job, error: urllib.error.HTTPError) -> Exception:
    error.close()
    if error.code == 416:  # the part is longer than the file, so it is of another version
        job.discard()
        return _LostError("the server has another version of the file than the one begun earlier")
    if error.code in BUSY:
        return _LostError(f"the server answers {error.code} {error.reason}")
    gone = "is not there any more" if error.code in (404, 410) else "is refused"
    return WeightsError(
        f"{job.url} {gone}: the server answers {error.code} {error.reason}.",
        hint="Look for the file elsewhere, and give its path instead of the name.",
    )


def _unreachable(job: _Job, reason: object) -> Exception:
    host = urllib.parse.urlsplit(job.url).hostname
    if isinstance(reason, ssl.SSLCertVerificationError):
        return WeightsError(f"{host} shows no valid certificate: {reason.verify_message}.")
    if isinstance(reason, TimeoutError):
        return _LostError(f"{host} did not answer within {job.timeout:g} seconds")
    if isinstance(reason, OSError) and reason.errno == errno.ENOSPC:
        return reason
    text = getattr(reason, "strerror", None) or reason
    return _LostError(f"{host} cannot be reached ({text})")


def _position(job: _Job, response: Any, offset: int) -> tuple[int, int | None]:
    """Where in the file the response begins, and the file's size where the server says so."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise WeightsError(f"{job.url} comes compressed ({encoding}), which was not asked for.")
    if response.status != 206:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if match is None or int(match[1]) != offset:
        job.discard()
        raise _LostError("the server continued at another place than it was asked to")
    return offset, None if match[2] == "*" else int(match[2])


def _check_sizes(job: _Job, total: int | None) -> None:
    """Refuse before a byte of the body is read, where the server says how long it is."""
    if total is None:
        return
    if total > job.max_size:
        job.discard()
        raise _too_large(job, f"{total:,} bytes")
    if job.size is not None and total != job.size:
        job.discard()
        raise WeightsError(
            f"{job.url} is not the file that was published: it has {total:,} bytes.",
            have=f"The published file has {job.size:,}.",
        )


def _receive(job: _Job, response: Any, start: int, total: int | None) -> None:
    """Append the body to the part."""
    done = start
    with job.part.open("ab" if start else "wb") as file:
        _report(job, done, total)
        while chunk := response.read(CHUNK):
            if done == 0:
                _refuse_html(job, response, chunk)
            done += len(chunk)
            if done > job.max_size:
                job.discard()
                raise _too_large(job, f"more than {job.max_size:,} bytes")
            file.write(chunk)
            _report(job, done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done != total:
        raise _LostError(f"the connection ended after {done:,} of {total:,} bytes")


def _refuse_html(job: _Job, response: Any, chunk: bytes) -> None:
    if is_html(chunk) or response.headers.get_content_type() == "text/html":
        job.discard()
        raise WeightsError(
            f"{job.url} gives a web page, not a file.",
            hint="The file has probably moved. Look for it elsewhere, and give its path instead of the name.",
        )


def _report(job: _Job, done: int, total: int | None) -> None:
    if job.progress is not None:
        job.progress(done, total if total is not None else job.size)


# --- before and after -----------------------------------------------------------------------------------------------


def _check_scheme(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise WeightsError(f"{url!r} is not a web address.", hint="Only http:// and https:// are downloaded from.")


@contextlib.contextmanager
def _alone(destination: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of ``destination``."""
    lock = filelock.FileLock(destination.with_name(destination.name + ".lock"), timeout=seconds)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise WeightsError(
            f"another process has been downloading {destination} for more than {seconds:g} seconds.",
            hint="Wait for it, or end it, and try again.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _verify(job: _Job, path: Path) -> None:
    """Hold the finished file to the published size and digest, and delete one that is neither."""
    found = path.stat().st_size
    if job.size is not None and found != job.size:
        what, expected = f"it has {found:,} bytes", f"{job.size:,} bytes"
    elif job.sha256 is not None and (digest := sha256_of(path)) != job.sha256.lower():
        what, expected = f"its sha256 is {digest}", f"sha256 {job.sha256.lower()}"
    else:
        return
    job.discard()
    kept = "" if path == job.part else f" It lies at {path}."
    raise WeightsError(
        f"{job.url} is not the file that was published: {what}.{kept}",
        have=f"Published: {expected}.",
        hint="It was replaced or damaged on the way. Do not use it; look for the published file elsewhere.",
    )


def _publish(job: _Job, destination: Path) -> None:
    job.part.replace(destination)
    job.note.unlink(missing_ok=True)


def _too_large(job: _Job, found: str) -> WeightsError:
    return WeightsError(
        f"{job.url} is too large: {found}.", have=f"At most {job.max_size:,} bytes are expected of this file."
    )


def _cannot_store(destination: Path, error: OSError) -> WeightsError:
    if error.errno == errno.ENOSPC:
        what = f"there is no room for {destination.name} in {destination.parent}."
    else:
        what = f"{destination} cannot be written: {error.strerror or error}."
    return WeightsError(what, hint="Make room, or choose another folder with the variable IMTRANS_CACHE.")
