"""The project's errors.

ShopError
├── DataError          a file, line or field that cannot be used
├── ConfigError        a setting that cannot be honoured
├── StoreError         a store that is missing, damaged or of another format
├── NotFittedError     a scorer asked before it was fitted
├── QueryError         a query that cannot be understood
├── ModelError         weights that are missing, altered or not usable
│   └── ModelBusyError the language model has no free place now
└── AccessError        somebody may not do this

Screens show the message of a `ShopError` as it is; so it names the thing, shows the value and says
what to do next.
"""


class ShopError(Exception):
    """Anything this project refuses, in one sentence that a person can act on."""


class DataError(ShopError):
    """A file, line or field that cannot be used."""


class ConfigError(ShopError):
    """A setting that cannot be honoured."""


class StoreError(ShopError):
    """A store that is missing, damaged or of another format."""


class NotFittedError(ShopError):
    """A scorer asked before it was fitted."""


class QueryError(ShopError):
    """A query that cannot be understood."""


class ModelError(ShopError):
    """Weights that are missing, altered or not usable."""


class ModelBusyError(ModelError):
    """The language model has no free place now."""


class AccessError(ShopError):
    """Somebody may not do this."""
