"""Sense 感知: feeds, quality control, latest state and health of sensors, and people's reports as observations."""
