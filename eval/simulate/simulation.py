"""The whole sample store, step by step: catalogue, market, shoppers, year, reviews, truth."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from eval.simulate.catalogue import make_products
from eval.simulate.content import Shelf, load_shelf
from eval.simulate.event_log import Line, number_events
from eval.simulate.market import Market, make_market
from eval.simulate.offers import make_offers
from eval.simulate.opinions import Aspect, plant_quality
from eval.simulate.pictures import draw
from eval.simulate.product import Product
from eval.simulate.reviews import ReviewWriter, WrittenReview
from eval.simulate.shopper_year import simulate_year
from eval.simulate.shoppers import Shopper, make_shoppers
from eval.simulate.truth import write_truth
from eval.simulate.writing import store_settings, write_lines

N_SHOPPERS = 5000
_REVIEW_CHANCE = 0.245
_UNVERIFIED_SHARE = 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Everything that was made, before it is written."""

    shelf: Shelf
    products: list[Product]
    market: Market
    shoppers: list[Shopper]
    quality: dict[str, list[Aspect]]
    events: list[dict[str, object]]
    lines: list[Line]
    reviews: list[WrittenReview]


def simulate(*, seed: int = 7, scale: float = 1.0, show_progress: bool = False) -> Simulation:
    """Make the store from a seed.

    Args:
        seed: The same seed and scale give the same store, byte for byte.
        scale: Share of models and shoppers; 1 is the full store, 0.05 is enough for a test.
        show_progress: Draw a progress line on stderr.

    Raises:
        ValueError: If `scale` is not above 0 and at most 1.
    """
    if not 0 < scale <= 1:
        raise ValueError(f"`scale` must be above 0 and at most 1, got {scale}")
    # One generator per step, so that a change of one step leaves the others as they were.
    rngs = iter(np.random.default_rng(seed).spawn(6))
    shelf = load_shelf()
    products = make_products(shelf, next(rngs), scale=scale)
    market = make_market(shelf, products, next(rngs))
    shoppers = make_shoppers(shelf, next(rngs), n_shoppers=max(20, round(N_SHOPPERS * scale)))
    quality = plant_quality(shelf, products, next(rngs))
    events: list[dict[str, object]] = []
    lines: list[Line] = []
    year = simulate_year(shelf, market, shoppers, next(rngs))
    for log in tqdm(
        year,
        total=len(shoppers),
        desc="shoppers",
        unit="shopper",
        disable=not show_progress,
        mininterval=0.5,
    ):
        events += log.events
        lines += log.lines
    reviews = _write_reviews(shelf, products, quality, lines, next(rngs), show_progress)
    _set_ratings(products, reviews)
    return Simulation(
        shelf=shelf,
        products=products,
        market=market,
        shoppers=shoppers,
        quality=quality,
        events=number_events(events),
        lines=lines,
        reviews=reviews,
    )


def write_store(made: Simulation, out: Path) -> dict[str, int]:
    """Write the store's files and the truth; return the counts."""
    pictures = out / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    for product in made.products:
        (pictures / f"{product.product_id}.svg").write_text(draw(made.shelf, product), "utf-8")
    offers = make_offers(made.shelf, made.market)
    write_lines(out / "products.jsonl", (product.record for product in made.products))
    write_lines(out / "reviews.jsonl", (review.record for review in made.reviews))
    write_lines(out / "events.jsonl.zst", made.events)
    write_lines(out / "offers.jsonl", offers)
    (out / "store.toml").write_text(store_settings(made.shelf.store), "utf-8")
    write_truth(made, out / "truth")
    return {
        "products": len(made.products),
        "reviews": len(made.reviews),
        "events": len(made.events),
        "offers": len(offers),
        "shoppers": len(made.shoppers),
        "purchased_lines": len(made.lines),
    }


def _write_reviews(
    shelf: Shelf,
    products: list[Product],
    quality: dict[str, list[Aspect]],
    lines: list[Line],
    rng: np.random.Generator,
    show_progress: bool,
) -> list[WrittenReview]:
    """Let some buyers review, each product at most once."""
    writer = ReviewWriter(shelf, quality, rng)
    reviews: list[WrittenReview] = []
    done: set[tuple[str, int]] = set()
    ordered = sorted(lines, key=lambda line: (line.at, line.shopper.shopper_id, line.product))
    for line in tqdm(
        ordered, desc="reviews", unit="line", disable=not show_progress, mininterval=0.5
    ):
        key = (line.shopper.shopper_id, line.product)
        if key in done or rng.random() >= _REVIEW_CHANCE:
            continue
        done.add(key)
        is_verified = bool(rng.random() >= _UNVERIFIED_SHARE)
        product = products[line.product]
        reviews.append(writer.write(product, line, len(reviews) + 1, is_verified=is_verified))
    return reviews


def _set_ratings(products: list[Product], reviews: list[WrittenReview]) -> None:
    """Set rating and count to the mean of the product's reviews, to one decimal."""
    stars: dict[object, list[int]] = defaultdict(list)
    for review in reviews:
        stars[review.record["product_id"]].append(int(str(review.record["rating"])))
    for product in products:
        given = stars.get(product.product_id)
        if given:
            product.record["rating"] = round(sum(given) / len(given), 1)
            product.record["rating_count"] = len(given)
