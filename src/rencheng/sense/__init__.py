"""Sense 感知: feeds, quality control, latest state and health of sensors, and people's reports as observations.

A feed is described by a file (:class:`FeedConfig`); what it delivers is decoded into a :class:`Decoded` batch, which
the store (:class:`ReadingStore`) checks and acknowledges in one transaction with an :class:`Intake`. :func:`decide`
then says what that means: a batch was taken, a sensor fell silent or is not to be believed, or is again.
"""

from rencheng.sense.batch import Decoded, Delivery, Intake, RefusalReason, TimingLimits, decoded_from_arrays
from rencheng.sense.channels import Channel, channels_of_city
from rencheng.sense.decide import Inputs, decide, feed_failed, feed_recovered, next_due
from rencheng.sense.detection_rules import (
    DetectionRules,
    default_detection_rules,
    detection_rules_of,
    read_detection_rules,
)
from rencheng.sense.feed import FeedConfig, feed_config_from_dict, read_feed_config
from rencheng.sense.handle import handle
from rencheng.sense.model import EventState, FeedState, State, evolve, initial_state
from rencheng.sense.orders import ReloadFeed, ReofferRefused, SubmitReport, TakeRainForecast, TakeRainPicture
from rencheng.sense.ports import HEALTH_SCHEMA, QualityFlag, Readings, ReadingStore
from rencheng.sense.rain_forecast import (
    RainForecast,
    RainForecastGrid,
    rain_forecast_from_table,
    rain_forecast_order,
    rain_forecast_table,
)
from rencheng.sense.rain_forecast_text import rain_forecast_from_csv, rain_forecast_from_json
from rencheng.sense.rain_picture import RainPicture, rain_picture_from_table, rain_picture_table
from rencheng.sense.summed import SummedReadings

__all__ = [
    "HEALTH_SCHEMA",
    "Channel",
    "Decoded",
    "Delivery",
    "DetectionRules",
    "EventState",
    "FeedConfig",
    "FeedState",
    "Inputs",
    "Intake",
    "QualityFlag",
    "RainForecast",
    "RainForecastGrid",
    "RainPicture",
    "ReadingStore",
    "Readings",
    "RefusalReason",
    "ReloadFeed",
    "ReofferRefused",
    "State",
    "SubmitReport",
    "SummedReadings",
    "TakeRainForecast",
    "TakeRainPicture",
    "TimingLimits",
    "channels_of_city",
    "decide",
    "decoded_from_arrays",
    "default_detection_rules",
    "detection_rules_of",
    "evolve",
    "feed_config_from_dict",
    "feed_failed",
    "feed_recovered",
    "handle",
    "initial_state",
    "next_due",
    "rain_forecast_from_csv",
    "rain_forecast_from_json",
    "rain_forecast_from_table",
    "rain_forecast_order",
    "rain_forecast_table",
    "rain_picture_from_table",
    "rain_picture_table",
    "read_detection_rules",
    "read_feed_config",
]
