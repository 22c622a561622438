"""SensorThings over MQTT (OGC 18-088, clause 14): which topics create, and which hear of what was created or changed.

Pure but for the two ports that the connector gives: it calls :meth:`MqttFace.on_message` for what it hears, and is
given what to publish.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from rencheng.adapters.sensorthings.exchange import Answer, Asked, answer, read_json, refused
from rencheng.adapters.sensorthings.group_commit import Post
from rencheng.adapters.sensorthings.model import MODEL, id_text
from rencheng.adapters.sensorthings.reading import Entity
from rencheng.adapters.sensorthings.refusal import Refusal
from rencheng.adapters.sensorthings.service import SensorThings

__all__ = ["PREFIX", "MqttFace", "path_of_topic", "topics_of"]

PREFIX = "v1.1/"
"""Begin of every topic."""


def path_of_topic(topic: str) -> str:
    """Give the address that a topic names.

    Raises
    ------
    Refusal
        If it is not of this service, or is no set of Observations: others are created over HTTP.

    Examples
    --------
    >>> path_of_topic("v1.1/Datastreams(1)/Observations")
    'Datastreams(1)/Observations'
    """
    path = topic.removeprefix(PREFIX)
    if path == topic or (path != "Observations" and not path.endswith(")/Observations")):
        raise Refusal(f"nothing is created at topic {topic[:200]!r}", where="topic", mend="Use v1.1/…/Observations")
    return path


def topics_of(entity: Entity, changed: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Topics that hear of an entity, each with the properties that its message has (none: the whole entity).

    Parameters
    ----------
    entity : Entity
        What was created or changed.
    changed : sequence of str
        Properties of a change; empty for a new entity.

    Examples
    --------
    >>> topics_of(Entity("Things", 1), ["name"])
    [('v1.1/Things', ()), ('v1.1/Things(1)', ()), ('v1.1/Things(1)/name', ('name',))]
    """
    own = f"{PREFIX}{entity.set_name}{id_text(entity.key)}"
    found: list[tuple[str, tuple[str, ...]]] = [(f"{PREFIX}{entity.set_name}", ())]
    row = entity.row
    if row is not None:
        found.append((f"{PREFIX}Datastreams{id_text(row.datastream)}/Observations", ()))
        if row.feature is not None:
            found.append((f"{PREFIX}FeaturesOfInterest{id_text(row.feature)}/Observations", ()))
    found.append((own, ()))
    properties = MODEL[entity.set_name].properties
    found += [(f"{own}/{name}", (name,)) for name in changed if name in properties]
    return found


class MqttFace:
    """The service towards a broker.

    Parameters
    ----------
    service : SensorThings
        The service.
    publish : callable
        Publishes a payload under a topic.
    base : str
        Address of the HTTP root, for the links in messages.
    endpoint : str
        Address of the broker, as the root document names it.
    inbox : str
        Begin of the topics under which clients create.
    selects : sequence of str
        Addresses with ``?$select=…`` that are published besides, ``(+)`` for any id.
    """

    def __init__(
        self,
        service: SensorThings,
        publish: Callable[[str, bytes], None],
        *,
        base: str,
        endpoint: str = "",
        inbox: str = "",
        selects: Sequence[str] = (),
    ) -> None:
        self._service, self._publish, self._base, self._inbox = service, publish, base, inbox
        self._selects = [_select(one) for one in selects]
        service.tell(self._told, endpoint=endpoint)

    def post(self, topic: str, payload: bytes, *, client: str = "") -> Post:
        """Read a message that creates an Observation.

        Raises
        ------
        Refusal
            If it is of another topic or no JSON.
        """
        if not topic.startswith(self._inbox):
            raise Refusal(f"nothing is created at topic {topic[:200]!r}", where="topic")
        path = path_of_topic(topic.removeprefix(self._inbox))
        return Post(path, read_json(payload, ""), f"mqtt:{client}" if client else "mqtt")

    def on_message(self, topic: str, payload: bytes, *, client: str = "") -> Answer:
        """Take a message; returns when its Observation is durable, so the message may be acknowledged then.

        The answer's status is 201, or says why it was refused.
        """
        try:
            post = self.post(topic, payload, client=client)
        except Refusal as error:
            return refused(error)
        asked = Asked(method="POST", path=post.path, query="", base=self._base, actor=post.actor, body=payload)
        return answer(self._service, asked)

    def close(self) -> None:
        """Hear of nothing more."""
        self._service.tell_no_more(self._told)

    def _told(self, entity: Entity, changed: Sequence[str]) -> None:
        written = self._service.write(entity, self._base)
        whole = msgspec.json.encode(written)
        for topic, names in topics_of(entity, changed):
            payload = whole if not names else msgspec.json.encode({name: written.get(name) for name in names})
            self._publish(topic, payload)
            for pattern, wanted, said in self._selects if not names else ():
                if pattern.fullmatch(topic):
                    found = {name: written[name] for name in wanted if name in written}
                    self._publish(f"{topic}?{said}", msgspec.json.encode(found))


def _select(address: str) -> tuple[re.Pattern[str], list[str], str]:
    """Topics of an address, the names that its messages have, and the query as it stands in the topic."""
    path, _, query = address.partition("?")
    pattern = re.escape(PREFIX + path).replace(re.escape("(+)"), r"\([^/]+\)")
    names = query.removeprefix("$select=").split(",")
    wanted = ["@iot.id" if name == "id" else "@iot.selfLink" if name == "selfLink" else name for name in names]
    return re.compile(pattern), wanted, query
