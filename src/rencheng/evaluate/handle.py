"""Carrying out what people want of the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rencheng.assess.indicator_tree import IndicatorTree
from rencheng.assess.risk_index import risk_tree
from rencheng.evaluate.decide import Inputs
from rencheng.evaluate.facts import WeightsRevised
from rencheng.evaluate.model import State
from rencheng.evaluate.orders import ReviseWeights
from rencheng.evaluate.resilience import resilience_tree
from rencheng.kernel import Draft, InvalidInput, OrderRefused

__all__ = ["handle", "trees"]


def trees() -> Mapping[str, IndicatorTree]:
    """The indices whose dimensions can be weighed anew, by id."""
    return {tree.id: tree for tree in (resilience_tree(), risk_tree())}


def handle(state: State, order: object, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:  # noqa: ARG001 — contract
    """Carry an order out.

    Raises
    ------
    OrderRefused
        If the order is unknown, gives no reason, changes nothing, or its weights do not fit the index.
    """
    if isinstance(order, ReviseWeights):
        return [_revise(state, order, now, actor)]
    raise OrderRefused(f"evaluation knows no order {type(order).__name__}")


def _revise(state: State, order: ReviseWeights, now: datetime, actor: str) -> Draft:
    tree = trees().get(order.index)
    if tree is None:
        raise OrderRefused(f"there is no index {order.index!r}", mend=f"Use one of: {', '.join(trees())}")
    if not order.why.strip():
        raise OrderRefused("weights are not revised without a reason", where="why", mend="Say why")
    try:
        tree.require_weights(order.weights)
    except InvalidInput as error:
        raise OrderRefused(error.what, where=error.where, mend=error.mend) from error
    before = dict(state.weights.get(tree.id, tree.weights))
    after = {name: order.weights[name] for name in before}
    if after == before:
        raise OrderRefused(f"the weights of {tree.id} are these already", where="weights")
    body = WeightsRevised(index=tree.id, version=tree.version, before=before, after=after, why=order.why)
    return Draft(stream=f"index/{tree.id}", body=body, occurred_at=now, actor=actor)
