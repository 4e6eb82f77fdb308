"""Writes what was planted, for evaluation only. The product never opens this folder."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from eval.simulate.writing import write_json, write_lines

if TYPE_CHECKING:
    from eval.simulate.simulation import Simulation

_README = """\
# Planted truth of the sample store

Made by `python -m eval.simulate` together with the store, and read by evaluation only.

- `complements.jsonl`: `product_id`, `complement_id`, `attach_rate`, `lift`. A basket begun with
  `product_id` gets `complement_id` with the chance `attach_rate`. `lift` is that chance divided by
  the share of all baskets in the log that hold the complement. The two are always of different
  leaves. Planted in one direction; a co-purchase count sees it from both sides, and weaker, because
  a product is also bought beside others and in repurchases (where complements are 0.45 as likely).
- `leaf_complements.json`: leaf to (leaf to chance). The general bond: beside any product that
  begins a basket, something of the second leaf is bought with 0.35 times this chance; a fitting
  product where `fits ...` attributes tie the two leaves. Planted pairs follow the same table.
- `substitutes.jsonl`: `product_id`, `substitute_id`, closest first: same leaf, near in price,
  another model, and looked at in the same sessions.
- `shoppers.jsonl`: `shopper_id`, `segment`, `price_sensitivity` (0 to 1), `treated` (fair coin of
  the randomised promotion `spring-trial-15`, shown as one `offer_view`), `uplift` (chance that
  treatment brings one order more in its weeks; below 0, about the chance that it costs one).
- `seasons.json`: leaf to twelve monthly weights, January first, mean 1.
- `repurchase.json`: `product_id` to mean days until it is bought again (by 55 % of its buyers).
- `aspects.jsonl`: `product_id`, `aspect`, `quality` (chance that a remark on it is praise, before
  the rating tilts it), `weakness` (true where many complaints were planted).
- `review_aspects.jsonl`: `review_id`, `sentence` (ordinal from 0), `aspect`, `polarity` (`positive`
  or `negative`). A sentence without an entry speaks of no aspect. Sentences of a review are joined
  with one space in English and with nothing in Chinese, and end with a full stop or its like; a
  number such as 1.86 has no space after its point.
"""


def write_truth(made: Simulation, folder: Path) -> None:
    """Write all truth files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(_README, "utf-8")
    write_lines(folder / "complements.jsonl", _complements(made))
    write_lines(folder / "substitutes.jsonl", _substitutes(made))
    write_json(folder / "leaf_complements.json", made.shelf.complements)
    write_lines(
        folder / "shoppers.jsonl",
        (
            {
                "shopper_id": shopper.shopper_id,
                "segment": shopper.segment,
                "price_sensitivity": shopper.price_sensitivity,
                "treated": shopper.is_treated,
                "uplift": shopper.uplift,
            }
            for shopper in made.shoppers
        ),
    )
    market = made.market
    write_json(
        folder / "seasons.json",
        {
            leaf: [round(float(weight), 3) for weight in market.seasons[i]]
            for i, leaf in enumerate(market.leaves)
        },
    )
    write_json(
        folder / "repurchase.json",
        {
            product.product_id: product.kind.repurchase_days
            for product in made.products
            if product.kind.repurchase_days is not None
        },
    )
    write_lines(
        folder / "aspects.jsonl",
        (
            {
                "product_id": product_id,
                "aspect": aspect.name,
                "quality": aspect.quality,
                "weakness": aspect.is_planted_weakness,
            }
            for product_id, aspects in made.quality.items()
            for aspect in aspects
        ),
    )
    write_lines(
        folder / "review_aspects.jsonl",
        (
            {
                "review_id": review.record["review_id"],
                "sentence": sentence,
                "aspect": aspect,
                "polarity": polarity,
            }
            for review in made.reviews
            for sentence, aspect, polarity in review.spoken
        ),
    )


def _complements(made: Simulation) -> list[dict[str, object]]:
    baskets: dict[int, set[tuple[str, int]]] = defaultdict(set)
    for line in made.lines:
        baskets[line.product].add((line.shopper.shopper_id, line.order))
    n_baskets = len(set().union(*baskets.values())) if baskets else 1
    ids = [product.product_id for product in made.products]
    rows: list[dict[str, object]] = []
    for anchor, others in sorted(made.market.complements.items()):
        for other, attach_rate in others:
            share = max(1, len(baskets[other])) / n_baskets
            rows.append(
                {
                    "product_id": ids[anchor],
                    "complement_id": ids[other],
                    "attach_rate": attach_rate,
                    "lift": round(attach_rate / share, 2),
                }
            )
    return rows


def _substitutes(made: Simulation) -> list[dict[str, object]]:
    ids = [product.product_id for product in made.products]
    return [
        {"product_id": ids[i], "substitute_id": ids[j]}
        for i, others in sorted(made.market.substitutes.items())
        for j in others
    ]
