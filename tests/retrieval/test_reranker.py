"""The cross-encoder around a real, tiny BERT with random weights, on the tiny store."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from retrieval.artifacts import load_manifest, open_snapshot
from retrieval.build import build_store
from retrieval.config import EncoderConfig, SearchConfig, StoreConfig
from retrieval.errors import ModelError, StoreError
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store
from retrieval.text.index import document_text
from retrieval.text.reranker import load_reranker

QUERY = "warm sleeping bag"


def save_bert(folder, *, labels=1, seed=0):
    """Save a random BERT that reads letters, with so many numbers for a pair."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{c}" for c in letters)]
    tokenizer = Tokenizer(models.WordPiece({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(names), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, num_labels=labels, initializer_range=0.5,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def store(tiny_store):
    store = Store.open(tiny_store, device="cpu")
    yield store
    store.close()


@pytest.fixture(scope="module")
def with_reranker(store, bert):
    """Return the tiny store's recommender with the tiny cross-encoder and some of its settings."""

    def make(**settings):
        config = SearchConfig(reranker=str(bert), **settings)
        return Recommender(replace(store, reranker=load_reranker(config, device="cpu")))

    return make


def ranked(recommender, **fields):
    query = Query.model_validate({"query_id": "q", **fields})
    return recommender.ranked(recommender.plan(query))


def test_the_part_is_the_sigmoid_of_the_models_own_logit(with_reranker, bert, store):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert)
    model = AutoModelForSequenceClassification.from_pretrained(bert).eval()
    found = ranked(with_reranker(), text=QUERY)
    assert len({c.parts["reranker"] for c in found}) > 3  # it tells them apart
    for candidate in found[:3]:
        passage = document_text(store.catalogue.products[candidate.row])
        read = tokenizer(QUERY, passage, truncation=True, max_length=64, return_tensors="pt")
        (logit,) = model(**read).logits.detach().numpy().ravel()
        expected = 1 / (1 + np.exp(-float(logit)))
        # bfloat16, where the machine is best at it, keeps three digits
        assert candidate.parts["reranker"] == pytest.approx(expected, abs=0.05)


def test_it_adds_one_part_and_orders_by_the_sum(with_reranker, store):
    before = {c.row: c for c in ranked(Recommender(store), text=QUERY)}
    after = ranked(with_reranker(reranker_weight=50.0), text=QUERY)
    assert {c.row for c in after} == before.keys()
    for candidate in after:
        own = dict(candidate.parts)
        assert 0 < own.pop("reranker") <= 50
        assert own == before[candidate.row].parts
        assert candidate.score == pytest.approx(sum(candidate.parts.values()))
    assert [c.score for c in after] == sorted((c.score for c in after), reverse=True)
    assert [c.row for c in after] != list(before)  # so much outweighs the rest


def test_only_the_best_are_read_and_none_overtakes_them(with_reranker, store):
    before = ranked(Recommender(store), text=QUERY)
    after = ranked(with_reranker(reranker_depth=3, reranker_weight=4.0), text=QUERY)
    assert {c.row for c in after[:3]} == {c.row for c in before[:3]}
    assert after[3:] == before[3:]
    assert all("reranker" in c.parts for c in after[:3])


def test_slate_times_it_and_says_the_part(with_reranker):
    slate = with_reranker().recommend(Query(query_id="q", text=QUERY))
    assert "rerank" in slate.ms
    for suggestion in slate.suggestions:
        assert suggestion.score == pytest.approx(sum(suggestion.score_parts.values()))
        assert "reranker" in suggestion.score_parts


@pytest.mark.parametrize(
    "fields",
    [{}, {"anchors": ["tent-duo"]}, {"basket": ["tent-duo"], "text": QUERY}, {"text": "?!"}],
)
def test_what_is_no_search_by_words_stays(with_reranker, store, fields):
    query = Query.model_validate({"query_id": "q", **fields})
    plain, read = (r.recommend(query) for r in (Recommender(store), with_reranker()))
    assert "rerank" not in read.ms
    assert read.as_json() | {"ms": None} == plain.as_json() | {"ms": None}


def test_without_the_setting_there_is_none(store):
    assert store.reranker is None
    assert load_reranker(SearchConfig()) is None
    slate = Recommender(store).recommend(Query(query_id="q", text=QUERY))
    assert "rerank" not in slate.ms


def test_why_not_weighs_it_with_the_others(with_reranker, store):
    recommender = with_reranker(reranker_weight=50.0)
    after = ranked(recommender, text=QUERY)
    query = Query(query_id="q", text=QUERY, k=1)  # so much outweighs the rest
    last = store.catalogue.product_ids[after[-1].row]
    found = recommender.why_not(query, last)
    assert (found.verdict, found.deciding_part) == ("outranked", "reranker")
    assert "reranker" in found.evidence[0].data["parts"]


def test_a_text_and_no_passage_give_no_number(with_reranker):
    assert with_reranker().store.reranker.answers("tent", []).shape == (0,)


# what is refused


def refused(folder, words):
    with pytest.raises(ModelError, match=words) as caught:
        load_reranker(SearchConfig(reranker=str(folder)), device="cpu")
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_refused(bert, tmp_path):
    import torch

    folder = shutil.copytree(bert, tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    refused(folder, r"no \.safetensors file")


def test_a_sentence_encoder_is_refused(tiny_encoder_dir, bert, tmp_path):
    refused(tiny_encoder_dir, "is no cross-encoder")
    folder = shutil.copytree(bert, tmp_path / "encoder")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertModel"]}))
    refused(folder, "BertModel")


def test_several_numbers_a_pair_are_refused(tmp_path):
    refused(save_bert(tmp_path, labels=3), "gives 3 numbers")


@pytest.mark.parametrize("name", ["packaged", "packaged-multilingual", "not/a folder"])
def test_names_of_no_model_are_refused(name):
    refused(name, "is no (reranker|model)")


def test_a_hub_id_that_is_not_here_says_how_to_fetch_it():
    refused("whycart-tests/no-such-reranker", "python -m retrieval.text.weights whycart-tests/")


# a build


@pytest.fixture
def bare(tiny_files, tiny_encoder_dir):
    """Return what a quick build needs: products alone."""
    return {
        "products": tiny_files["products"],
        "device": "cpu",
        "progress": False,
        "encoder": EncoderConfig(model=str(tiny_encoder_dir)),
    }


def build(out, base, *, products, device, progress, encoder, reranker):
    config = StoreConfig(encoder=encoder, search=SearchConfig(reranker=reranker))
    return build_store(
        products=products, out=out, base=base, config=config, device=device, progress=progress
    )


@pytest.mark.slow
def test_a_build_notes_the_weights_and_the_store_reads_with_them(bare, bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "bert")
    build(tmp_path / "store", tmp_path, **bare, reranker="bert")  # relative to the settings
    manifest = load_manifest(open_snapshot(tmp_path / "store"))
    assert manifest.models["reranker"].name == str(folder)
    store = Store.open(tmp_path / "store", device="cpu")
    assert store.reranker.model_hash == manifest.models["reranker"].sha256
    slate = Recommender(store).recommend(Query(query_id="q", text=QUERY))
    assert all("reranker" in s.score_parts for s in slate.suggestions)
    store.close()
    save_bert(folder, seed=1)
    with pytest.raises(StoreError, match="other weights"):
        Store.open(tmp_path / "store", device="cpu")


def test_a_build_without_the_weights_stops_with_one_sentence(bare, tmp_path):
    with pytest.raises(ModelError, match="is no model"):
        build(tmp_path / "store", tmp_path, **bare, reranker="no such folder")
    assert not (tmp_path / "store").exists()
