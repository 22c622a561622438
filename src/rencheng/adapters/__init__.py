"""Adapters: one folder per outside thing; each implements ports of the rooms below."""
