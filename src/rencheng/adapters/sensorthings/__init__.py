"""OGC SensorThings API 1.1 (18-088), the sensing part, over the city's sensors and the readings store."""

from rencheng.adapters.sensorthings.batch import answer_batch
from rencheng.adapters.sensorthings.exchange import Answer, Asked, answer, answer_later, created, refused
from rencheng.adapters.sensorthings.group_commit import Outcome, Post
from rencheng.adapters.sensorthings.reading import Entity
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.adapters.sensorthings.service import FEED_ID, SensorThings
from rencheng.adapters.sensorthings.topics import MqttFace

__all__ = [
    "FEED_ID",
    "Answer",
    "Asked",
    "Entity",
    "MqttFace",
    "Outcome",
    "Post",
    "Refusal",
    "SensorThings",
    "answer",
    "answer_batch",
    "answer_later",
    "created",
    "refused",
]
