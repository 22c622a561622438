"""How well what is learnt on some kinds of made-up series carries over to kinds never learnt from.

``python -m benchmarks.detect_training.carry_over`` (a quarter of an hour). Two domains at a time are left out of the
learning, in both hands (``families`` and ``compositions``); their series, of other seeds, are scored by the rule of the
benchmark, threshold chosen for the two. Five times, so that each domain is left out once.
"""

from __future__ import annotations

import numpy as np
from benchmarks.detect_training.compositions import composed_corpus
from benchmarks.detect_training.families import Series, made_up_corpus
from benchmarks.detect_training.learn import Bag, Inputs, inputs_of, learn, training_corpus

from rencheng.science.detection.nab_score import PROFILES, LabelledScores, nab_score
from rencheng.science.detection.univariate import new_told, tell

LEFT_OUT = (
    ("servers", "bytes"),
    ("counts", "mentions"),
    ("prices", "roads"),
    ("machines", "demand"),
    ("rhythms", "keys"),
)
DOMAIN_OF = {
    "processor_load": "servers",
    "bytes_a_second": "bytes",
    "request_counts": "counts",
    "advertisement_prices": "prices",
    "road_traffic": "roads",
    "mentions": "mentions",
    "machine_temperature": "machines",
    "ride_demand": "demand",
    "daily_shapes": "rhythms",
}
"""Domain of each of the ``families``; the ``compositions`` are named by theirs."""
Known = tuple[str, str, Series, Inputs]


def known(corpus: list[tuple[str, Series]]) -> list[Known]:
    """Domain, hand, series and inputs of a corpus."""
    hands = [("families" if kind in DOMAIN_OF else "compositions", kind, series) for kind, series in corpus]
    return [
        (DOMAIN_OF[kind] if hand == "families" and kind in DOMAIN_OF else kind, hand, series, inputs_of(series))
        for hand, kind, series in hands
    ]


def scored(bag: Bag, corpus: list[Known]) -> float:
    """Standard score of a corpus, told and hushed as the detector does."""
    scores = []
    for _, kind, series, inputs in corpus:
        score, _ = tell(bag.judge(inputs).astype(np.float64) / np.log(10.0), new_told())
        scores.append(LabelledScores(name=kind, scores=score, windows=series.windows))
    return nab_score(scores, PROFILES["standard"]).score


def main() -> None:
    """Print the scores of domains left out."""
    learnt_from = known(training_corpus())
    held_out = known(made_up_corpus(11) + made_up_corpus(12, blurred=True) + composed_corpus(31, each=10))
    print("| left out | families | compositions |")
    print("|---|---|---|")
    found = []
    for domains in LEFT_OUT:
        bag = learn([(series, inputs) for domain, _, series, inputs in learnt_from if domain not in domains])
        unknown = [one for one in held_out if one[0] in domains]
        found.append([scored(bag, [one for one in unknown if one[1] == hand]) for hand in ("families", "compositions")])
        print(f"| {', '.join(domains)} | {found[-1][0]:.1f} | {found[-1][1]:.1f} |", flush=True)
    mean = np.mean(found, 0)
    print(f"| mean | {mean[0]:.1f} | {mean[1]:.1f} |")


if __name__ == "__main__":
    main()
