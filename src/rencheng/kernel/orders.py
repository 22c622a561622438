"""The base of orders: what somebody wants done, in the imperative; a stage answers with facts or refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from rencheng.kernel.errors import NotFound

__all__ = ["order", "order_type", "order_types"]

T = TypeVar("T")
_BY_NAME: dict[str, type] = {}


def order(name: str) -> Callable[[type[T]], type[T]]:
    """Register a frozen dataclass as an order under the name that the API and the console use."""

    def register(cls: type[T]) -> type[T]:
        _BY_NAME[name] = cls
        return cls

    return register


def order_type(name: str) -> type:
    """Look the class of an order up by name."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise NotFound(f"unknown order {name!r}", mend=f"Use one of: {', '.join(sorted(_BY_NAME))}") from None


def order_types() -> Mapping[str, type]:
    """All registered orders by name."""
    return MappingProxyType(_BY_NAME)
