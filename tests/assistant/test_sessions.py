"""Sessions on a real SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assistant.conversation import Cart, CartLine, Conversation, Message
from assistant.errors import TurnError
from assistant.sessions import SCHEMA_VERSION, Sessions
from retrieval.errors import ConfigError, StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "sessions.db"


@pytest.fixture
def sessions(path):
    opened = Sessions(f"sqlite:///{path}")
    yield opened
    opened.close()


def chat(conversation_id: str, n_turns: int = 1, **more) -> Conversation:
    return Conversation(conversation_id=conversation_id, n_turns=n_turns, **more)


def all_bytes(path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(path.parent.iterdir()))


def test_ids_have_128_bits_and_do_not_repeat():
    ids = {Sessions.new_id() for _ in range(2_000)}
    assert len(ids) == 2_000
    assert all(len(i) == 22 for i in ids)  # 16 bytes in base 64 without padding


def test_what_is_saved_is_loaded_whole(sessions):
    state = chat(
        "c1",
        shopper_id="s1",
        wish="帐篷",
        cart=Cart(lines=(CartLine(product_id="p1", quantity=2),)),
        transcript=(Message(role="shopper", text="‘tent’ <b>"),),
    )
    sessions.save(state, expected_turns=0, owner="key")
    assert sessions.load("c1", owner="key") == state


def test_an_unknown_conversation_is_none(sessions):
    assert sessions.load("never") is None


def test_it_survives_closing_and_opening(path):
    first = Sessions(f"sqlite:///{path}")
    first.save(chat("c1"), expected_turns=0)
    first.close()
    second = Sessions(f"sqlite:///{path}")
    assert second.load("c1") == chat("c1")
    second.close()


class TestOwners:
    def test_another_visitor_gets_nothing(self, sessions):
        sessions.save(chat("c1", wish="secret"), expected_turns=0, owner="ann")
        assert sessions.load("c1", owner="bob") is None
        assert sessions.load("c1") is None

    def test_another_visitor_cannot_write_over_it(self, sessions):
        sessions.save(chat("c1", wish="ann's"), expected_turns=0, owner="ann")
        with pytest.raises(TurnError):
            sessions.save(chat("c1", 2, wish="bob's"), expected_turns=1, owner="bob")
        with pytest.raises(TurnError):
            sessions.save(chat("c1", 1, wish="bob's"), expected_turns=0, owner="bob")
        kept = sessions.load("c1", owner="ann")
        assert kept is not None
        assert kept.wish == "ann's"

    def test_two_visitors_never_see_one_another(self, sessions):
        def visit(name: str) -> set[str]:
            conversation_id, seen = f"c-{name}", set()
            for turn in range(20):
                state = chat(conversation_id, turn + 1, wish=name)
                sessions.save(state, expected_turns=turn, owner=name)
                loaded = sessions.load(conversation_id, owner=name)
                assert loaded is not None
                seen.add(loaded.wish)
            return seen

        names = [f"visitor{i}" for i in range(8)]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(visit, names)) == [{name} for name in names]

    def test_another_visitor_cannot_delete_it(self, sessions):
        sessions.save(chat("c1"), expected_turns=0, owner="ann")
        assert sessions.forget_conversation("c1", owner="bob") is False
        assert sessions.load("c1", owner="ann") is not None
        assert sessions.forget_conversation("c1", owner="ann") is True
        assert sessions.load("c1", owner="ann") is None


class TestConcurrency:
    def test_a_lost_race_is_refused_by_name(self, sessions):
        sessions.save(chat("c1", 1), expected_turns=0)
        sessions.save(chat("c1", 2, wish="first"), expected_turns=1)
        with pytest.raises(TurnError, match=r"'c1' is no longer at turn 1.*send the message again"):
            sessions.save(chat("c1", 2, wish="second"), expected_turns=1)
        kept = sessions.load("c1")
        assert kept is not None
        assert kept.wish == "first"

    def test_of_many_at_once_exactly_one_wins(self, sessions):
        sessions.save(chat("c1", 1), expected_turns=0)
        start = threading.Barrier(8)

        def save(i: int) -> bool:
            start.wait()
            try:
                sessions.save(chat("c1", 2, wish=str(i)), expected_turns=1)
            except TurnError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(save, range(8)))
        assert sum(won) == 1
        kept = sessions.load("c1")
        assert kept is not None
        assert kept.wish == str(won.index(True))

    def test_two_processes_may_share_the_file(self, path, sessions):
        other = Sessions(f"sqlite:///{path}")
        sessions.save(chat("c1"), expected_turns=0)
        assert other.load("c1") is not None
        other.close()

    def test_a_state_that_is_no_later_turn_is_refused(self, sessions):
        with pytest.raises(ValueError, match="`n_turns` must be above the expected 1, got 1"):
            sessions.save(chat("c1", 1), expected_turns=1)

    def test_sqlite_writes_ahead(self, path, sessions):
        with sqlite3.connect(path) as raw:
            assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


class TestFeedbackEventsConsent:
    def test_feedback_is_kept_in_order(self, sessions):
        sessions.record_feedback("c1", kind="not_for_me", product_id="p1", shopper_id="s1")
        sessions.record_feedback("c2", kind="not_for_me", product_id="p2", reason="x" * 300)
        assert [f.product_id for f in sessions.feedback()] == ["p1", "p2"]
        assert [f.product_id for f in sessions.feedback(shopper_id="s1")] == ["p1"]
        assert sessions.feedback()[1].reason == "x" * 200

    def test_events_come_back_in_order_and_by_conversation(self, sessions):
        sessions.record_event("c1", "view", "p1")
        sessions.record_event("c2", "view", "p9")
        sessions.record_event("c1", "add_to_cart", "p1", shopper_id="s1")
        mine = sessions.events(conversation_id="c1")
        assert [(e.type, e.product_id) for e in mine] == [("view", "p1"), ("add_to_cart", "p1")]
        assert mine[0].at.tzinfo is not None
        assert len(sessions.events(shopper_id="s1")) == 1
        assert [e.product_id for e in sessions.events(limit=2)] == ["p9", "p1"]

    def test_consent_is_unknown_until_given_and_the_newest_counts(self, sessions):
        assert sessions.consent("s1") is None
        sessions.set_consent("s1", personalise=True)
        sessions.set_consent("s1", personalise=False)
        consent = sessions.consent("s1")
        assert consent is not None
        assert consent.personalise is False
        assert sessions.consent("s2") is None


class TestForgetting:
    def fill(self, sessions: Sessions, shopper_id: str, mark: str) -> None:
        for i in range(30):
            state = chat(f"c-{mark}-{i}", 1, shopper_id=shopper_id, wish=f"{mark} wish " * 40)
            sessions.save(state, expected_turns=0, owner=f"key-{mark}")
            sessions.record_feedback(
                f"c-{mark}-{i}", kind="not_for_me", shopper_id=shopper_id, reason=f"reason {mark}"
            )
            sessions.record_event(f"c-{mark}-{i}", "view", f"product-{mark}")
        sessions.set_consent(shopper_id, personalise=True)

    def test_every_row_of_the_shopper_goes_and_no_other(self, sessions):
        self.fill(sessions, "ann", "aaa")
        self.fill(sessions, "bob", "bbb")
        counts = sessions.forget("ann")
        assert counts == {"conversations": 30, "feedback": 30, "events": 30, "consent": 1}
        assert sessions.count() == {
            "conversations": 30,
            "feedback": 30,
            "events": 30,
            "consent": 1,
        }
        assert sessions.consent("ann") is None
        assert sessions.load("c-bbb-0", owner="key-bbb") is not None

    def test_no_byte_of_the_shopper_is_left_in_the_files(self, path, sessions):
        self.fill(sessions, "shopper-4711", "mark4711")
        self.fill(sessions, "bob", "bbb")
        marks = (b"shopper-4711", b"mark4711")  # long enough not to stand in a random id
        assert all(mark in all_bytes(path) for mark in marks)
        sessions.forget("shopper-4711")
        assert not any(mark in all_bytes(path) for mark in marks)
        assert b"bbb" in all_bytes(path)

    def test_an_overwritten_state_leaves_no_bytes_either(self, path, sessions):
        sessions.save(chat("c1", 1, shopper_id="ann", wish="mark4711"), expected_turns=0)
        sessions.save(chat("c1", 2, shopper_id="ann", wish="other"), expected_turns=1)
        sessions.forget("ann")
        assert b"mark4711" not in all_bytes(path)

    def test_a_chat_owned_by_the_shopper_goes_even_without_the_id_inside(self, sessions):
        sessions.save(chat("c1"), expected_turns=0, owner="ann")
        assert sessions.forget("ann")["conversations"] == 1

    def test_forgetting_an_unknown_shopper_counts_nothing(self, sessions):
        assert set(sessions.forget("nobody").values()) == {0}

    def test_forgetting_one_conversation_leaves_no_bytes(self, path, sessions):
        sessions.save(chat("c4711", wish="mark4711"), expected_turns=0)
        sessions.record_event("c4711", "view", "p1")
        sessions.forget_conversation("c4711")
        assert b"4711" not in all_bytes(path)


class TestPurge:
    def test_old_conversations_go_with_what_was_recorded_in_them(self, path):
        sessions = Sessions(f"sqlite:///{path}", max_age=timedelta(days=30))
        sessions.save(chat("old"), expected_turns=0)
        sessions.record_event("old", "view", "p1")
        sessions.record_feedback("old", kind="not_for_me")
        assert sessions.purge(now=datetime.now(UTC) + timedelta(days=29)) == 0
        assert sessions.purge(now=datetime.now(UTC) + timedelta(days=31)) == 1
        assert set(sessions.count().values()) == {0}
        sessions.close()

    def test_beyond_the_limit_the_oldest_go(self, path):
        sessions = Sessions(f"sqlite:///{path}", max_conversations=3)
        for i in range(5):
            sessions.save(chat(f"c{i}"), expected_turns=0)
        assert sessions.purge() == 2
        left = [i for i in range(5) if sessions.load(f"c{i}") is not None]
        assert left == [2, 3, 4]
        sessions.close()

    def test_growth_is_bounded_without_anyone_calling_purge(self, path):
        sessions = Sessions(f"sqlite:///{path}", max_conversations=10)
        for i in range(500):
            sessions.save(chat(f"c{i}"), expected_turns=0)
        assert sessions.count()["conversations"] == 10
        sessions.close()


class TestErrors:
    def test_another_schema_version_is_refused_by_name(self, path):
        Sessions(f"sqlite:///{path}").close()
        with sqlite3.connect(path) as raw:
            raw.execute("UPDATE schema_version SET version = 99")
        with pytest.raises(StoreError, match=f"version 99, this program needs {SCHEMA_VERSION}"):
            Sessions(f"sqlite:///{path}")

    def test_a_state_of_another_program_version_is_refused(self, path, sessions):
        sessions.save(chat("c1"), expected_turns=0)
        with sqlite3.connect(path) as raw:
            raw.execute("""UPDATE conversations SET state = '{"colour": 1}'""")
        with pytest.raises(StoreError, match="start a new conversation"):
            sessions.load("c1")

    def test_a_url_that_is_none_says_how_to_write_one(self):
        with pytest.raises(ConfigError, match="write it like 'sqlite:///"):
            Sessions("not a url")

    def test_a_file_that_is_no_database_is_named(self, tmp_path):
        path = tmp_path / "notes.db"
        path.write_text("hello " * 500, "utf-8")
        with pytest.raises(StoreError, match=r"notes\.db"):
            Sessions(f"sqlite:///{path}")

    def test_it_works_in_memory_from_many_threads(self):
        sessions = Sessions("sqlite://")
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda i: sessions.save(chat(f"c{i}"), expected_turns=0), range(40)))
        assert sessions.count()["conversations"] == 40
        sessions.close()
