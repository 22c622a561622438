"""Spark: the detection of the readings store on many machines, shard by shard.

Files come into a folder that all machines see. Tasks at the border decode them and send every shard its readings in
parcels; a task per shard takes them with the functions of the embedded store and keeps its state in Spark's; the driver
makes a turn count once all its shards are done. ``keeper`` holds the turn of a shard and knows nothing of Spark.
"""

from rencheng.adapters.spark.engine import open_session, require_java, require_pyspark
from rencheng.adapters.spark.plan import MOST_SHARDS, ShardPlan, make_plan
from rencheng.adapters.spark.stream import ScaleOut
from rencheng.adapters.spark.turns import ScaledAlarms, TurnNote, read_turns

__all__ = [
    "MOST_SHARDS",
    "ScaleOut",
    "ScaledAlarms",
    "ShardPlan",
    "TurnNote",
    "make_plan",
    "open_session",
    "read_turns",
    "require_java",
    "require_pyspark",
]
