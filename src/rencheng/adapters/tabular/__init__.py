"""Delimited text: tables of people, stations, units, whatever a city keeps in spreadsheets."""

from rencheng.adapters.tabular.delimited import numbers, read_delimited, texts

__all__ = ["numbers", "read_delimited", "texts"]
