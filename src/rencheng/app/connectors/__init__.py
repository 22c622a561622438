"""Connections of feeds: each ``[feed.source]`` runs in a thread of its own, kept up, with an inlet."""

from rencheng.app.connectors.inlet import FeedCondition, FeedInlet
from rencheng.app.connectors.registry import connector_of
from rencheng.app.connectors.supervisor import Connector, FeedNotice, Supervisor

__all__ = ["Connector", "FeedCondition", "FeedInlet", "FeedNotice", "Supervisor", "connector_of"]
