"""Which connector serves which kind of source."""

from __future__ import annotations

from collections.abc import Callable

from rencheng.app.connectors.supervisor import Connector
from rencheng.sense import FeedConfig
from rencheng.sense.source import MqttSource

__all__ = ["connector_of"]


def connector_of(config: FeedConfig) -> Callable[[Callable[[], None]], Connector] | None:
    """Give what makes the connector of a feed; None for feeds that are pushed to us by HTTP.

    Parameters
    ----------
    config : FeedConfig
        The feed.

    Returns
    -------
    callable or None
        Given what to call once the connection stands, it makes the connector.
    """
    source = config.source
    if isinstance(source, MqttSource):
        from rencheng.app.connectors.mqtt import MqttConnector

        return lambda ready: MqttConnector(source, ready)
    return None
