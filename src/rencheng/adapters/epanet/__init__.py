"""Water networks in EPANET's files: the solver driven in memory, SCADA tables, and the model that leak detection asks.

WNTR reads and writes the files and ships the EPANET 2.2 library; ``project`` steps it, ``scada`` reads what sensors
said, ``leak_drive`` turns that into hourly balances and ``leak_model`` answers what the sensors would read.
"""
