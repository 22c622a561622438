"""Sense 感知: feeds, quality control, latest state and health of sensors, and people's reports as observations.

A feed is described by a file (:class:`FeedConfig`); what it delivers is decoded into a :class:`Decoded` batch, which
the store (:class:`ReadingStore`) checks and acknowledges in one transaction with an :class:`Intake`. :func:`decide`
then says what that means: a batch was taken, a sensor fell silent or is not to be believed, or is again.
"""

from rencheng.sense.batch import Decoded, Intake, RefusalReason, TimingLimits, decoded_from_arrays
from rencheng.sense.channels import Channel, channels_of_city
from rencheng.sense.feed import FeedConfig, feed_config_from_dict, read_feed_config
from rencheng.sense.ports import HEALTH_SCHEMA, QualityFlag, Readings, ReadingStore

__all__ = [
    "HEALTH_SCHEMA",
    "Channel",
    "Decoded",
    "FeedConfig",
    "Intake",
    "QualityFlag",
    "ReadingStore",
    "Readings",
    "RefusalReason",
    "TimingLimits",
    "channels_of_city",
    "decoded_from_arrays",
    "feed_config_from_dict",
    "read_feed_config",
]
