"""Which connector serves which kind of source."""

from __future__ import annotations

from collections.abc import Callable

from rencheng.app.connectors.supervisor import Connector
from rencheng.kernel import InvalidConfig
from rencheng.sense import FeedConfig
from rencheng.sense.source import FolderSource, MqttSource, PollSource, SensorThingsSource, TcpSource

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

    Raises
    ------
    InvalidConfig
        If stations are to connect that speak no protocol of stations, or the feed of SensorThings has another name.
    """
    source = config.source
    if isinstance(source, SensorThingsSource) and config.id != "sensorthings":
        raise InvalidConfig(
            "the run's own SensorThings service delivers by one feed",
            where=f"feed {config.id!r}",
            mend='Call it id = "sensorthings"',
        )
    if isinstance(source, MqttSource):
        from rencheng.app.connectors.mqtt import MqttConnector

        return lambda ready: MqttConnector(source, ready)
    if isinstance(source, TcpSource):
        from rencheng.app.connectors.tcp import TcpConnector

        if config.format not in ("sl651", "hj212"):
            raise InvalidConfig(
                f"the format {config.format} is not spoken over tcp",
                where=f"feed {config.id!r}",
                mend="Use sl651 or hj212, or another kind of source",
            )

        return lambda ready: TcpConnector(source, ready)
    if isinstance(source, FolderSource):
        from rencheng.app.connectors.folder import FolderConnector

        return lambda ready: FolderConnector(source, ready)
    if isinstance(source, PollSource):
        from rencheng.app.connectors.poll import PollConnector

        return lambda ready: PollConnector(source, ready)
    return None
