"""`python -m retrieval.recommend`: JSON Lines in and out, order kept, errors in one sentence."""

import io
import json
import sys

import pytest

from retrieval import recommend

QUERIES = (
    {"query_id": "second", "anchors": ["tent-duo"], "offer_kind": "cross_sell", "k": 2},
    {"query_id": 7, "text": "帐篷"},
    {"query_id": "first", "basket": ["nope"], "shopper_id": "stranger"},
    {"query_id": "b", "offer_kind": "bundle", "anchors": ["tent-duo"]},
)


@pytest.fixture
def run(tiny_store, tmp_path, capsys, monkeypatch):
    def run(text, *more, stdin=False):
        file = tmp_path / "queries.jsonl"
        data = text if isinstance(text, bytes) else text.encode()
        file.write_bytes(data)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        where = [] if stdin else ["--queries", str(file)]
        status = recommend.main(["--store", str(tiny_store), "--device", "cpu", *where, *more])
        said = capsys.readouterr()
        return status, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


def lines(*queries):
    return "".join(json.dumps(query) + "\n" for query in queries)


def test_one_slate_a_line_in_the_order_of_the_queries(run):
    status, slates, _ = run(lines(*QUERIES))
    assert status == 0
    assert [slate["query_id"] for slate in slates] == ["second", "7", "first", "b"]


def test_the_fields_are_those_of_the_contract(run):
    _, slates, _ = run(lines(*QUERIES))
    for slate in slates:
        assert {"query_id", "suggestions", "evidence", "notes", "ms"} <= slate.keys()
        for suggestion in slate["suggestions"]:
            assert {
                "product_id", "offer_kind", "score", "score_parts", "evidence_ids",
            } <= suggestion.keys()  # fmt: skip
            assert set(suggestion["evidence_ids"]) <= slate["evidence"].keys()
        for fact in slate["evidence"].values():
            assert fact.keys() == {"kind", "product_ids", "text", "data", "origin"}
    assert {"product_ids", "total", "evidence_ids"} <= slates[3]["bundles"][0].keys()
    assert "bundles" not in slates[0]


def test_unknown_ids_are_notes_and_not_failures(run):
    status, slates, _ = run(lines(*QUERIES))
    assert status == 0
    assert slates[2]["notes"][:2] == [
        "unknown product in basket: nope",
        "unknown shopper stranger: general suggestions",
    ]


def test_standard_input_and_a_file_out(run, tmp_path):
    out = tmp_path / "out.jsonl"
    status, printed, _ = run(lines(*QUERIES), "--out", str(out), stdin=True)
    assert (status, printed) == (0, [])
    assert len(out.read_text("utf-8").splitlines()) == 4
    assert "帐篷" in out.read_text("utf-8")  # not escaped


def test_blank_lines_are_skipped_and_no_query_is_no_slate(run):
    status, slates, _ = run("\n  \n" + lines(QUERIES[0]) + "\n")
    assert (status, len(slates)) == (0, 1)
    assert run("")[:2] == (0, [])


def test_margins_are_for_staff(run):
    (slate,) = run(lines(QUERIES[3]))[1]
    assert "margin" not in json.dumps(slate["bundles"])
    (slate,) = run(lines(QUERIES[3]), "--for-staff")[1]
    assert all("margin" in bundle for bundle in slate["bundles"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"query_id": "q", "k": 0}', ["`k`", "0"]),
        ('{"query_id": "q", "k": 1001}', ["`k`", "1001"]),
        ('{"query_id": "q", "offer_kind": "gift"}', ["`offer_kind`", "'gift'"]),
        ('{"query_id": "q", "nonsense": 1}', ["`nonsense`", "1"]),
        ('{"text": "tent"}', ["`query_id`"]),
        ('{"query_id": "q", "constraints": {"price_max": -1}}', ["`constraints.price_max`", "-1"]),
        ('{"query_id": "q", "constraints": {"price_max": NaN}}', ["`constraints.price_max`"]),
        ('{"query_id": "q", "constraints": {"cheap": true}}', ["`constraints.cheap`"]),
        ('{"query_id": "q", "at": "yesterday"}', ["`at`", "'yesterday'"]),
        ('{"query_id": "q", "anchors": "tent-duo"}', ["`anchors`", "'tent-duo'"]),
        ('{"query_id": "q", "anchors": [3]}', ["`anchors.0`", "3"]),
        ('["q"]', ["query"]),
        ("{", ["is not JSON"]),
        ("[" * 100_000, ["is not JSON"]),
    ],
)
def test_bad_input_is_one_sentence_naming_file_line_field_and_value(run, line, said):
    status, slates, error = run(lines(QUERIES[0]) + line + "\n")
    assert status == 2
    assert len(slates) == 1  # those before it were answered
    (sentence,) = error.strip().splitlines()
    assert "queries.jsonl:2: " in sentence
    for part in said:
        assert part in sentence


def test_bytes_that_are_no_utf8_are_named(run):
    status, _, error = run(b'{"query_id": "\xff"}\n')
    assert status == 2
    assert "queries.jsonl:1: is not JSON" in error


def test_a_missing_file_and_a_missing_store_say_so(run, tmp_path, capsys):
    status, _, error = run("", "--queries", str(tmp_path / "gone.jsonl"))
    assert status == 2
    assert "gone.jsonl: no such file" in error
    assert recommend.main(["--store", str(tmp_path / "gone")]) == 2
    assert "there is no store; build one" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_says_so(run, tmp_path):
    status, _, error = run(lines(QUERIES[0]), "--out", str(tmp_path / "no" / "folder.jsonl"))
    assert status == 2
    assert "folder.jsonl: No such file or directory" in error


def test_wrong_usage_is_status_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        recommend.main([])
    assert stopped.value.code == 2
