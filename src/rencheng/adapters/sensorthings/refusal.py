"""What a SensorThings request is refused with: the status of HTTP, what is wrong, and where."""

from __future__ import annotations

from rencheng.kernel import RenchengError

__all__ = ["Refusal"]


class Refusal(RenchengError):
    """A request that is not answered.

    Parameters
    ----------
    what : str
        What is wrong.
    status : int
        Status code of HTTP.
    where : str
        The query option and the position in it, or the property.
    mend : str
        What the client can do about it.
    """

    def __init__(self, what: str, *, status: int = 400, where: str = "", mend: str = "") -> None:
        super().__init__(what, where=where, mend=mend)
        self.status = status
