"""Delimited text: tables of people, stations, units, whatever a city keeps in spreadsheets."""

from rencheng.adapters.tabular.delimited import numbers, read_delimited, texts
from rencheng.adapters.tabular.series import SeriesBlock, read_series

__all__ = ["SeriesBlock", "numbers", "read_delimited", "read_series", "texts"]
