"""An address that is asked by HTTP for what is new."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from rencheng.kernel import InvalidConfig, InvalidInput

__all__ = ["Answer", "PolledAddress"]

_READ = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the address said.

    Parameters
    ----------
    body : bytes or None
        None where nothing changed (304) or there is nothing (204).
    content_encoding : str
        As the header says.
    retry_after_s : float
        How long it wants to be left alone; 0 if it does not say.
    """

    body: bytes | None
    content_encoding: str = ""
    retry_after_s: float = 0.0


class PolledAddress:
    """Asks with the conditions that earlier answers gave (RFC 9110, section 13), so that nothing is sent twice.

    Parameters
    ----------
    url : str
        ``{since}`` in it stands for an instant.
    timeout_s : float
        Longest silence of the other end.
    headers : mapping of str to str
        Sent with every request.
    token : str
        Bearer token; empty for none.
    largest : int
        Longest body taken.
    """

    def __init__(
        self, url: str, *, timeout_s: float, headers: Mapping[str, str], token: str = "", largest: int
    ) -> None:
        self._url, self._timeout_s, self._largest = url, timeout_s, largest
        self._headers = {"Accept-Encoding": "gzip", "User-Agent": "rencheng", **headers}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._conditions: dict[str, str] = {}
        self._next_conditions: dict[str, str] = {}

    def ask(self, since: str) -> Answer:
        """Ask once.

        Parameters
        ----------
        since : str
            What ``{since}`` stands for.

        Raises
        ------
        InvalidConfig
            If the address refuses us or is not there (4xx, but for 408, 425 and 429).
        InvalidInput
            If the body is too long.
        OSError
            If it cannot be reached, is broken or wants to be left alone; ``retry_after_s`` is then set.
        """
        url = self._url.replace("{since}", quote(since, safe=""))
        request = urllib.request.Request(url, headers=self._headers | self._conditions)  # noqa: S310 — http(s) only, as the configuration checks
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:  # noqa: S310 — as above
                body = self._body(answer)
                told = {"If-None-Match": answer.headers["ETag"], "If-Modified-Since": answer.headers["Last-Modified"]}
                self._next_conditions = {name: value for name, value in told.items() if value}
                encoding = (answer.headers["Content-Encoding"] or "").lower()
                return Answer(body=body if body or answer.status != 204 else None, content_encoding=encoding)
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error)
        except urllib.error.URLError as error:
            raise OSError(f"{self._url}: {error.reason}") from error
        except (http.client.HTTPException, OSError) as error:
            raise OSError(f"{self._url}: {type(error).__name__} {error}") from error

    def taken(self) -> None:
        """Say that the last answer is stored: what it said of itself goes with the next request."""
        self._conditions = self._next_conditions

    def _body(self, answer: http.client.HTTPResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := answer.read(_READ):
            parts.append(part)
            size += len(part)
            if size > self._largest:
                raise InvalidInput(
                    f"the answer is longer than {self._largest:,} bytes",
                    where=self._url,
                    mend="Ask for less with {since}, or raise max_body_bytes",
                )
        return b"".join(parts)

    def _refused(self, error: urllib.error.HTTPError) -> Answer:
        if error.code == 304:
            return Answer(body=None)
        wait_s = _retry_after_s(error.headers["Retry-After"], error.headers["Date"])
        if error.code in (408, 425, 429, 503) and wait_s > 0:
            return Answer(body=None, retry_after_s=wait_s)
        said = f"{self._url}: the answer is {error.code} {error.reason}"
        if 400 <= error.code < 500 and error.code not in (408, 425, 429):
            raise InvalidConfig(said, mend="See [feed.source]: url, headers, token_env")
        raise OSError(said)


def _retry_after_s(said: str | None, date: str | None) -> float:
    """Seconds of a Retry-After header, which has seconds or a date (RFC 9110, section 10.2.3).

    Examples
    --------
    >>> _retry_after_s("120", None)
    120.0
    """
    if not said:
        return 0.0
    if said.strip().isdigit():
        return float(said)
    try:
        until, now = parsedate_to_datetime(said), parsedate_to_datetime(date or "")
    except ValueError:
        return 60.0
    return max(0.0, (until - now).total_seconds())
