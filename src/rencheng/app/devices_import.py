"""``rencheng devices import``: hand the devices of a CSV to a live run."""

from __future__ import annotations

import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import msgspec

from rencheng.app.devices import devices_from_csv
from rencheng.app.settings import read_settings
from rencheng.kernel import InvalidInput, NotFound, OrderRefused

__all__ = ["import_devices"]


def import_devices(file: Path, reason: str, *, url: str = "", role: str = "") -> str:
    """List the devices of a CSV in the run at an address; one line says what became of it.

    The file is read here first, so that what is wrong with it is told without a run.

    Raises
    ------
    NotFound
        If there is no such file, or no run answers.
    InvalidInput
        If the file is no list of devices.
    OrderRefused
        If the run refuses it; nothing of it was taken.
    """
    settings = read_settings(os.environ)
    address = url or f"http://{settings.host}:{settings.port}"
    if not address.startswith(("http://", "https://")):
        raise InvalidInput(f"{address!r} is no address", where="--url", mend="Give http://HOST:PORT")
    count = len(devices_from_csv(_text(file)))
    query = urllib.parse.urlencode({"reason": reason})
    request = urllib.request.Request(  # noqa: S310 — http(s) only, checked above
        f"{address.rstrip('/')}/api/devices?{query}",
        data=file.read_bytes(),
        headers={"Content-Type": "text/csv; charset=utf-8", **({"X-Role": role} if role else {})},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 — http(s) only, checked above
            answer.read()
    except urllib.error.HTTPError as error:
        raise _refusal(error, file) from error
    except OSError as error:
        mend = "Start one with: rencheng run --city CITY, or give --url"
        raise NotFound(f"no run answers at {address} ({error})", mend=mend) from error
    return f"{count} devices listed"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"there is no file {file}", mend="Give the CSV of the devices") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot be read as UTF-8: {error}", where=str(file), mend="Save it as UTF-8") from error


def _refusal(error: urllib.error.HTTPError, file: Path) -> OrderRefused:
    try:
        problem = msgspec.json.decode(error.read(), type=dict[str, object])
    except msgspec.DecodeError:
        problem = {"detail": str(error)}
    where = f"{file} {problem.get('where') or ''}".strip()
    return OrderRefused(str(problem.get("detail")), where=where, mend=str(problem.get("mend") or ""))
