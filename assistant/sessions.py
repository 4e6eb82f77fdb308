"""Conversations, feedback, consent and session behaviour, in a database.

SQLite by default, any SQLAlchemy URL otherwise. A conversation belongs to an owner, a key that the
server gave to a visitor; whoever asks with another key gets nothing, as if it did not exist.
Nothing here knows what a conversation means.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError
from sqlalchemy.pool import QueuePool

from assistant.conversation import Conversation
from assistant.errors import TurnError
from retrieval.errors import ConfigError, StoreError

SCHEMA_VERSION = 1
DEFAULT_URL = "sqlite:///var/sessions.db"
_SHRED_TRIES, _SHRED_WAIT_S = 100, 0.05
SessionEventType = Literal["view", "add_to_cart", "remove_from_cart"]

_META = MetaData()
_VERSION = Table("schema_version", _META, Column("version", Integer, nullable=False))
_CONVERSATIONS = Table(
    "conversations",
    _META,
    Column("conversation_id", String(128), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("shopper_id", String(200)),
    Column("n_turns", Integer, nullable=False),
    Column("saved_at", String(32), nullable=False),
    Column("state", Text, nullable=False),
    Index("conversations_by_shopper", "shopper_id"),
    Index("conversations_by_time", "saved_at"),
)
_FEEDBACK = Table(
    "feedback",
    _META,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", String(128), nullable=False),
    Column("shopper_id", String(200)),
    Column("product_id", String(200)),
    Column("kind", String(40), nullable=False),
    Column("reason", String(200)),
    Column("at", String(32), nullable=False),
    Index("feedback_by_conversation", "conversation_id"),
    Index("feedback_by_shopper", "shopper_id"),
)
_CONSENT = Table(
    "consent",
    _META,
    Column("shopper_id", String(200), primary_key=True),
    Column("personalise", Boolean, nullable=False),
    Column("at", String(32), nullable=False),
)
_EVENTS = Table(
    "events",
    _META,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", String(128), nullable=False),
    Column("shopper_id", String(200)),
    Column("type", String(20), nullable=False),
    Column("product_id", String(200), nullable=False),
    Column("at", String(32), nullable=False),
    Index("events_by_conversation", "conversation_id"),
    Index("events_by_shopper", "shopper_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a shopper has agreed to."""

    personalise: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One "not for me", or another mark on a suggestion."""

    conversation_id: str
    shopper_id: str | None
    product_id: str | None
    kind: str
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """One thing done with one product in a chat, for suggestions in real time."""

    conversation_id: str
    shopper_id: str | None
    type: SessionEventType
    product_id: str
    at: datetime


class Sessions:
    """The database of what happens in chats. Safe to use from many threads and processes."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        max_conversations: int = 50_000,
        max_age: timedelta = timedelta(days=30),
    ) -> None:
        """Open the database, and make its tables if it is new.

        Args:
            url: SQLAlchemy URL. A SQLite file's folder is made if absent.
            max_conversations: `purge` keeps at most this many, the newest.
            max_age: `purge` drops what has not been touched for longer.

        Raises:
            ConfigError: If the URL cannot be used.
            StoreError: If the database is of another schema version.
        """
        self.url = url
        self.max_conversations = max_conversations
        self.max_age = max_age
        self._engine = _engine(url)
        self._saves = 0
        self._prepare()

    def close(self) -> None:
        """Close all connections; the last one writes the journal of a SQLite file back."""
        self._engine.dispose()

    # --- conversations --------------------------------------------------------------------------

    @staticmethod
    def new_id() -> str:
        """Return an id of 128 random bits that cannot be guessed."""
        return secrets.token_urlsafe(16)

    def load(self, conversation_id: str, *, owner: str = "") -> Conversation | None:
        """Return the conversation as last saved.

        Args:
            conversation_id: Its id.
            owner: The visitor's key; must be the one it was first saved with.

        Returns:
            None if there is none of this id and owner: the two cases look the same on purpose.

        Raises:
            StoreError: If what is stored cannot be read by this version.
        """
        rows = _CONVERSATIONS.c
        with self._read() as connection:
            state = connection.execute(
                select(rows.state).where(
                    rows.conversation_id == conversation_id, rows.owner == owner
                )
            ).scalar()
        if state is None:
            return None
        try:
            return Conversation.model_validate_json(state)
        except ValidationError as error:
            raise StoreError(
                f"{self._where}: conversation {conversation_id!r} was saved by another version "
                f"({error.error_count()} fields do not fit); start a new conversation"
            ) from error

    def save(self, conversation: Conversation, *, expected_turns: int, owner: str = "") -> None:
        """Save the conversation if nobody else has saved it since it was loaded.

        Args:
            conversation: The new state.
            expected_turns: `n_turns` of the state it was made from; 0 for a new conversation.
            owner: The visitor's key.

        Raises:
            ValueError: If the new state is not a later turn than `expected_turns`.
            TurnError: If another turn was saved in between, or it belongs to another visitor.
        """
        if conversation.n_turns <= expected_turns:
            raise ValueError(
                f"`n_turns` must be above the expected {expected_turns}, got {conversation.n_turns}"
            )
        values = {
            "shopper_id": conversation.shopper_id,
            "n_turns": conversation.n_turns,
            "saved_at": _now(),
            "state": conversation.model_dump_json(),
        }
        with self._write() as connection:
            if not self._replace(connection, conversation, values, expected_turns, owner):
                self._add(connection, conversation, values, expected_turns, owner)
        self._saves += 1
        if self._saves % 500 == 0:
            self.purge()

    def _replace(
        self, connection: Connection, conversation: Conversation, values: Mapping[str, object],
        expected_turns: int, owner: str,
    ) -> bool:  # fmt: skip
        rows = _CONVERSATIONS.c
        done = connection.execute(
            update(_CONVERSATIONS)
            .where(
                rows.conversation_id == conversation.conversation_id,
                rows.owner == owner,
                rows.n_turns == expected_turns,
            )
            .values(values)
        )
        return done.rowcount == 1

    def _add(
        self, connection: Connection, conversation: Conversation, values: Mapping[str, object],
        expected_turns: int, owner: str,
    ) -> None:  # fmt: skip
        conversation_id = conversation.conversation_id
        if expected_turns == 0:
            try:
                connection.execute(
                    insert(_CONVERSATIONS).values(
                        conversation_id=conversation_id, owner=owner, **values
                    )
                )
                return
            except IntegrityError as error:
                raise self._lost(conversation_id, expected_turns) from error
        raise self._lost(conversation_id, expected_turns)

    @staticmethod
    def _lost(conversation_id: str, expected_turns: int) -> TurnError:
        return TurnError(
            f"conversation {conversation_id!r} is no longer at turn {expected_turns}: another turn "
            "came in between; load it and send the message again"
        )

    # --- feedback, events, consent --------------------------------------------------------------

    def record_feedback(
        self,
        conversation_id: str,
        *,
        kind: str,
        product_id: str | None = None,
        shopper_id: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Keep one mark on a suggestion ("not for me")."""
        self._insert(
            _FEEDBACK, conversation_id=conversation_id, kind=kind, product_id=product_id,
            shopper_id=shopper_id, reason=None if reason is None else reason[:200],
        )  # fmt: skip

    def feedback(self, *, shopper_id: str | None = None, limit: int = 1_000) -> list[Feedback]:
        """Return the newest feedback, oldest first; of one shopper if given."""
        query = select(_FEEDBACK).order_by(_FEEDBACK.c.id.desc()).limit(limit)
        if shopper_id is not None:
            query = query.where(_FEEDBACK.c.shopper_id == shopper_id)
        with self._read() as connection:
            rows = connection.execute(query).mappings().all()
        return [Feedback(**_fields(row)) for row in reversed(rows)]

    def record_event(
        self,
        conversation_id: str,
        type: SessionEventType,  # noqa: A002 - the field's word
        product_id: str,
        *,
        shopper_id: str | None = None,
    ) -> None:
        """Keep one view or cart change."""
        self._insert(
            _EVENTS,
            conversation_id=conversation_id,
            type=type,
            product_id=product_id,
            shopper_id=shopper_id,
        )

    def events(
        self,
        *,
        conversation_id: str | None = None,
        shopper_id: str | None = None,
        limit: int = 1_000,
    ) -> list[SessionEvent]:
        """Return the newest events, oldest first; of one conversation or shopper if given."""
        query = select(_EVENTS).order_by(_EVENTS.c.id.desc()).limit(limit)
        if conversation_id is not None:
            query = query.where(_EVENTS.c.conversation_id == conversation_id)
        if shopper_id is not None:
            query = query.where(_EVENTS.c.shopper_id == shopper_id)
        with self._read() as connection:
            rows = connection.execute(query).mappings().all()
        return [SessionEvent(**_fields(row)) for row in reversed(rows)]

    def consent(self, shopper_id: str) -> Consent | None:
        """Return what the shopper has decided; None if never asked or never answered."""
        with self._read() as connection:
            row = (
                connection.execute(select(_CONSENT).where(_CONSENT.c.shopper_id == shopper_id))
                .mappings()
                .first()
            )
        if row is None:
            return None
        return Consent(personalise=row["personalise"], at=datetime.fromisoformat(row["at"]))

    def set_consent(self, shopper_id: str, *, personalise: bool) -> None:
        """Keep the shopper's decision; the newest counts."""
        values = {"personalise": personalise, "at": _now()}
        with self._write() as connection:
            done = connection.execute(
                update(_CONSENT).where(_CONSENT.c.shopper_id == shopper_id).values(values)
            )
            if done.rowcount == 0:
                connection.execute(insert(_CONSENT).values(shopper_id=shopper_id, **values))

    # --- forgetting -----------------------------------------------------------------------------

    def forget(self, shopper_id: str) -> dict[str, int]:
        """Delete everything of a shopper, so that nothing of it is left in the files.

        Conversations go whole, with the feedback and events made in them, also those that were
        recorded without the shopper's id. SQLite files are rewritten and their journal emptied.

        Returns:
            Deleted rows by table, e.g. {"conversations": 2, "feedback": 1, …}.
        """
        rows = _CONVERSATIONS.c
        with self._write() as connection:
            ids = list(
                connection.execute(
                    select(rows.conversation_id).where(
                        or_(rows.shopper_id == shopper_id, rows.owner == shopper_id)
                    )
                ).scalars()
            )
            counts = {"conversations": 0, "feedback": 0, "events": 0, "consent": 0}
            for table in (_FEEDBACK, _EVENTS, _CONVERSATIONS, _CONSENT):
                counts[table.name] += connection.execute(
                    delete(table).where(table.c.shopper_id == shopper_id)
                ).rowcount
                if table is not _CONSENT:
                    counts[table.name] += _delete_of(connection, table, ids)
        self._shred()
        return counts

    def forget_conversation(self, conversation_id: str, *, owner: str = "") -> bool:
        """Delete one conversation with what was recorded in it; return whether there was one."""
        rows = _CONVERSATIONS.c
        with self._write() as connection:
            done = connection.execute(
                delete(_CONVERSATIONS).where(
                    rows.conversation_id == conversation_id, rows.owner == owner
                )
            ).rowcount
            if done:
                for table in (_FEEDBACK, _EVENTS):
                    _delete_of(connection, table, [conversation_id])
        if done:
            self._shred()
        return done > 0

    def purge(self, *, now: datetime | None = None) -> int:
        """Delete conversations that are too old or too many, with what was recorded in them.

        Called by itself after every 500 saves. Returns how many conversations went.
        """
        rows = _CONVERSATIONS.c
        oldest = _stamp((now or datetime.now(UTC)) - self.max_age)
        with self._write() as connection:
            ids = set(
                connection.execute(select(rows.conversation_id).where(rows.saved_at < oldest))
                .scalars()
                .all()
            )
            newest_first = select(rows.conversation_id).order_by(
                rows.saved_at.desc(), rows.conversation_id
            )
            ids |= set(
                connection.execute(newest_first.offset(self.max_conversations)).scalars().all()
            )
            for table in (_FEEDBACK, _EVENTS, _CONVERSATIONS):
                _delete_of(connection, table, sorted(ids))
            for table in (_FEEDBACK, _EVENTS):  # recorded without a saved conversation
                connection.execute(delete(table).where(table.c.at < oldest))
        return len(ids)

    def count(self) -> dict[str, int]:
        """Return the number of rows by table."""
        with self._read() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (_CONVERSATIONS, _FEEDBACK, _EVENTS, _CONSENT)
            }

    # --- inside ---------------------------------------------------------------------------------

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @property
    def _where(self) -> str:
        return make_url(self.url).render_as_string(hide_password=True)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with (
            self._named_errors("read"),
            self._engine.connect().execution_options(reads=True) as connection,
        ):
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._named_errors("written"), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _named_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise StoreError(
                f"{self._where}: the session database cannot be {what} ({error.orig}); check that "
                "it is a database, that the disk has room, and that no other program holds it"
            ) from error

    def _insert(self, table: Table, **values: object) -> None:
        with self._write() as connection:
            connection.execute(insert(table).values(at=_now(), **values))

    def _prepare(self) -> None:
        with self._write() as connection:
            _META.create_all(connection)
            versions = list(connection.execute(select(_VERSION.c.version)).scalars())
            if not versions:
                connection.execute(insert(_VERSION).values(version=SCHEMA_VERSION))
                versions = [SCHEMA_VERSION]
        if versions != [SCHEMA_VERSION]:
            raise StoreError(
                f"{self._where}: the session database has schema version "
                f"{', '.join(map(str, versions))}, this program needs {SCHEMA_VERSION}; move the "
                "old database away or set another URL"
            )

    def _shred(self) -> None:
        """Rewrite a SQLite file without its free pages and empty the journal."""
        if not self._is_sqlite:
            return
        with (
            self._named_errors("rewritten"),
            self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            connection.execute(text("VACUUM"))
            for _ in range(_SHRED_TRIES):
                busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).first()
                if busy is None or busy[0] == 0:
                    return
                time.sleep(_SHRED_WAIT_S)
        raise StoreError(
            f"{self._where}: the rows are deleted, but another program holds the journal, where "
            "their bytes may still be; close it and ask to be forgotten again"
        )


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            f"the session database URL {url!r} cannot be read; write it like {DEFAULT_URL!r}"
        ) from error
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    in_memory = parsed.database in (None, "", ":memory:")
    if not in_memory and not str(parsed.database).startswith("file:"):
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    one = {"pool_size": 1, "max_overflow": 0} if in_memory else {}  # each connection is its own
    engine = create_engine(
        parsed,
        poolclass=QueuePool,
        connect_args={"timeout": 30, "check_same_thread": False},
        **one,
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_at_once)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - DB-API
    connection.isolation_level = None  # we begin ourselves, see `_begin_at_once`
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", "temp_store=MEMORY",
    ):  # fmt: skip
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_at_once(connection: Connection) -> None:
    """Let a writer take its lock first: two writers then wait for one another, none fails."""
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN" if options.get("reads") else "BEGIN IMMEDIATE")


def _delete_of(connection: Connection, table: Table, ids: Sequence[str]) -> int:
    deleted = 0
    for start in range(0, len(ids), 500):
        chunk = list(ids[start : start + 500])
        deleted += connection.execute(
            delete(table).where(table.c.conversation_id.in_(chunk))
        ).rowcount
    return deleted


def _fields(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {k: datetime.fromisoformat(v) if k == "at" else v for k, v in row.items() if k != "id"}


def _now() -> str:
    return _stamp(datetime.now(UTC))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
