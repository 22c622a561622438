"""The common operating picture: what a duty officer sees, folded from the ledger one board per subject."""

from rencheng.web.picture.keeper import ClockView, LatestView, PictureKeeper, PictureView
from rencheng.web.picture.warnings import WarningView

__all__ = ["ClockView", "LatestView", "PictureKeeper", "PictureView", "WarningView"]
