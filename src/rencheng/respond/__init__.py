"""Respond 处置: incidents, plans, tasks, command structure and dispatch."""
