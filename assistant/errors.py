"""Errors of the assistant; they descend from `retrieval.errors.ShopError`.

ShopError
├── TurnError      a turn that cannot be taken (too long, unknown action)
└── PromptError    a prompt file with missing or unused variables
"""

from retrieval.errors import ShopError


class TurnError(ShopError):
    """A turn that cannot be taken."""


class PromptError(ShopError):
    """A prompt file with missing or unused variables."""
