"""Settings of the assistant."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class AssistantConfig(BaseModel):
    """How much is shown and said in one turn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cards: Annotated[int, Field(ge=1, le=12)] = 4
    """Products shown in one turn."""
    spoken: Annotated[int, Field(ge=1, le=6)] = 3
    """Products that the text speaks of; the cards carry the rest."""
    complaint_share: Annotated[float, Field(ge=0, le=1)] = 0.10
    """A product whose reviews are rated 1 or 2, or share a complaint, at least this often has it
    said."""
    unasked: bool = True
    """Whether one complement may be named, unasked, after words put something into the cart."""
    answer_similarity: Annotated[float, Field(ge=0, le=1)] = 0.30
    """A review sentence that answers a question less probably than this is not shown as one."""
    turn_deadline_s: Annotated[float, Field(gt=0)] = 8.0
    """After this the template finishes what a language model has not said."""
    first_clause_s: Annotated[float, Field(gt=0)] = 4.0
    """A language model that has worded no clause by then words none of this turn's."""
    turn_tokens: Annotated[int, Field(ge=1)] = 400
    """Tokens that a language model may write in one turn; then the template goes on."""
    remembered_conversations: Annotated[int, Field(ge=1)] = 512
    """Conversations whose last evidence is kept in memory for opening chips."""
