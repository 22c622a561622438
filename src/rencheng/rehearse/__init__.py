"""Rehearse 推演: scenarios played in a simulated world through the very same stages."""
