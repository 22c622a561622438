"""Edge 边缘: the agent at a gateway. It keeps readings while the line is cut, and orders people out when it must.

Readings are on the gateway's disk before they are acknowledged, local rules raise the alarms that the core would raise,
a fire becomes an evacuation order through local channels, and all of it is handed over when the core is there again.
It must start within seconds in little memory: nothing here imports the numerical half of the house.
"""

from rencheng.edge.settings import EdgeSettings, read_edge_settings

__all__ = ["EdgeSettings", "read_edge_settings"]
