"""`python -m assistant.chat --jsonl`: the fields of the contract; bad input is one sentence."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from assistant import chat
from assistant.errors import TurnError

ROOT = Path(__file__).parents[2]
FIELDS = {
    "conversation_id", "text", "language", "suggestions", "bundles", "claims", "evidence",
    "constraints", "cart", "composer", "notes", "ms",
}  # fmt: skip
SUGGESTION = {"product_id", "offer_kind", "score", "score_parts", "evidence_ids"}
BUNDLE = {"name", "product_ids", "total", "score", "optimal", "evidence_ids"}
EVIDENCE = {"kind", "product_ids", "text", "data", "origin"}
TURNS = [
    {"conversation_id": "a", "text": "a tent under 300"},
    {"conversation_id": "a", "text": "what goes with it?"},
    {"conversation_id": "b", "shopper_id": "ida", "text": "配一套300以内的露营装备"},
    {"conversation_id": "a", "action": {"kind": "add_to_cart", "product_id": "mat-foam"}},
    {"conversation_id": "a", "action": {"kind": "why", "product_id": "mat-foam"}},
    {"conversation_id": "a", "action": {"kind": "personalise_off"}},
]


@pytest.fixture
def door(tiny_store, monkeypatch, capsys):
    """Run the command on lines; return exit status, replies, stderr."""

    def run(*lines, arguments=()):
        raw = b"\n".join(
            line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode()
            for line in lines
        )
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), "utf-8"))
        status = chat.main(["--store", str(tiny_store), "--jsonl", *arguments])
        captured = capsys.readouterr()
        return status, [json.loads(line) for line in captured.out.splitlines()], captured.err

    return run


def test_one_reply_a_line_with_exactly_the_fields_of_the_contract(door):
    status, replies, err = door(*TURNS)
    assert status == 0
    assert [r["conversation_id"] for r in replies] == [t["conversation_id"] for t in TURNS]
    for reply in replies:
        assert set(reply) == FIELDS
        assert reply["language"] in ("en", "zh")
        assert reply["composer"] in ("llm", "template")
        assert set(reply["cart"]) >= {"lines", "total"}
        for suggestion in reply["suggestions"]:
            assert SUGGESTION <= set(suggestion) <= SUGGESTION | {"anchor_id", "rung"}
        for bundle in reply["bundles"]:
            assert set(bundle) == BUNDLE
        for claim in reply["claims"]:
            assert set(claim) == {"text", "kind", "evidence_ids", "supported"}
            assert claim["supported"] is True
            assert claim["text"] in reply["text"]
            assert set(claim["evidence_ids"]) <= set(reply["evidence"])
        for fact in reply["evidence"].values():
            assert set(fact) == EVIDENCE
        assert all(isinstance(value, float | int) for value in reply["ms"].values())
    assert replies[0]["suggestions"]
    assert replies[2]["language"] == "zh"
    assert replies[2]["bundles"]
    assert [line["product_id"] for line in replies[3]["cart"]["lines"]] == ["mat-foam"]
    assert replies[0]["constraints"]["price_max"] == "300.00"
    assert "Traceback" not in err


def test_blank_lines_are_skipped_and_no_input_is_no_reply(door):
    assert door(b"", TURNS[0], b"  ")[1][0]["conversation_id"] == "a"
    assert door()[:2] == (0, [])


def test_the_language_flag_is_for_chats_that_have_none_yet(door):
    _, replies, _ = door(
        {"conversation_id": "z", "action": {"kind": "show_profile"}}, arguments=("--language", "zh")
    )
    assert replies[0]["language"] == "zh"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b"{not json", ["is not JSON", "one turn a line"]),
        (b"[1, 2]", ["turn", "[1, 2]"]),
        (b'"hello"', ["turn"]),
        (b"\xff\xfe", ["is not JSON"]),
        ({"text": "hi"}, ["`conversation_id`", "field required"]),
        ({"conversation_id": ""}, ["`conversation_id`", "at least 1"]),
        ({"conversation_id": "a"}, ["either `text` or `action`"]),
        ({"conversation_id": "a", "text": "x", "action": {"kind": "undo"}}, ["either"]),
        ({"conversation_id": "a", "text": 5}, ["`text`", "5"]),
        ({"conversation_id": "a", "text": "x" * 2001}, ["`text`", "2000"]),
        ({"conversation_id": "a", "text": "x", "price": 1}, ["`price`", "1"]),
        ({"conversation_id": "a", "action": {"kind": "explode"}}, ["`action.kind`", "'explode'"]),
        (
            {"conversation_id": "a", "action": {"kind": "set_quantity", "quantity": -1}},
            ["`action.quantity`", "-1"],
        ),
    ],
)
def test_bad_input_is_status_2_and_one_sentence_naming_line_field_and_value(door, line, parts):
    status, replies, err = door(TURNS[0], line, TURNS[0])
    assert status == 2
    assert len(replies) == 1  # what came before was answered
    (message,) = err.strip().splitlines()[-1:]
    assert message.startswith("standard input:2: ")
    assert message.count("standard input:2") == 1
    for part in parts:
        assert part in message
    assert "Traceback" not in err


def test_a_turn_is_read_with_where_it_stood():
    with pytest.raises(TurnError, match=r"turns\.jsonl:7: `conversation_id` field required"):
        chat.read_turn(b"{}", "turns.jsonl:7")


def test_a_store_that_is_not_there_is_status_2(tmp_path, capsys):
    status = chat.main(["--store", str(tmp_path / "nothing"), "--jsonl"])
    err = capsys.readouterr().err
    assert status == 2
    assert "nothing" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["--store"], ["--store", "x", "--language", "de"]])
def test_bad_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        chat.main(arguments)
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert "--store" in err or "--language" in err


def test_the_terminal_chat_talks_and_ends(tiny_store, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("a tent\nadd the first one to my cart\n\n"))
    assert chat.main(["--store", str(tiny_store)]) == 0
    out = capsys.readouterr().out
    assert "AI assistant" in out
    assert "Fjellro Duo 2-person tent" in out
    assert "€129.00" in out


@pytest.mark.slow
def test_as_a_command_stdout_holds_replies_only(tiny_store):
    lines = "\n".join(json.dumps(t, ensure_ascii=False) for t in TURNS)
    done = subprocess.run(
        [sys.executable, "-m", "assistant.chat", "--store", str(tiny_store), "--jsonl"],
        input=lines.encode(), capture_output=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    replies = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert len(replies) == len(TURNS)
    assert "帐篷" in json.dumps(replies, ensure_ascii=False)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"kind": "why"}, "`why` needs a `product_id`"),
        ({"kind": "add_to_cart", "product_id": "no-such"}, "'no-such'"),
    ],
)
def test_a_turn_that_makes_no_sense_changes_nothing_and_the_next_is_answered(door, action, said):
    odd = {"conversation_id": "a", "action": action}
    status, replies, _ = door(TURNS[0], odd, TURNS[0])
    assert status == 0
    assert said in replies[1]["notes"][0]
    assert replies[1]["claims"] == []
    assert replies[1]["cart"] == replies[0]["cart"]
    assert replies[2]["text"]
