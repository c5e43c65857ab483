"""The step's `config` as JSON."""

import collections.abc
import dataclasses

from . import schema
from .errors import InvalidConfig
from .values import plain, render

_WATCHERS = ("state", "stream")
"""The types of steps that have a condition."""


def of(module, step):
    """The config of the step's module as JSON text; an `InvalidConfig` says what is missing."""
    value = getattr(module, "config", None)
    if value is None:
        raise InvalidConfig(f'{step.file}: no `config`; add `config = {{"name": "...", "type": "...", ...}}`')
    if not isinstance(value, collections.abc.Mapping):
        if not (dataclasses.is_dataclass(value) or hasattr(value, "model_dump") or hasattr(value, "dict")):
            raise InvalidConfig(f"{step.file}: `config` is a {type(value).__name__}; it must be a dict")
        value = plain(value)
    value = {name: part for name, part in value.items() if name != "middleware"}
    if value.get("type") in _WATCHERS:
        condition = value.pop("condition", None)
        if condition is not None and not callable(condition):
            raise InvalidConfig(f"{step.file}: config.condition is a function of the input and the context")
    if step.kind == "step" and value.get("type") != "noop" and not callable(getattr(module, "handler", None)):
        raise InvalidConfig(f"{step.file}: no `handler` function; add `{_signature(value.get('type'))}`")
    try:
        return render(value, "config", _stand_in)
    except TypeError as error:
        raise InvalidConfig(f"{step.file}: {error}") from None


def condition(module):
    """The function that decides whether a change concerns a state or stream step; `None` if each does."""
    value = getattr(module, "config", None)
    return value.get("condition") if isinstance(value, collections.abc.Mapping) else None


def middleware(module):
    """The functions that wrap an api step's handler, the outermost first."""
    value = getattr(module, "config", None)
    return list(value.get("middleware") or ()) if isinstance(value, collections.abc.Mapping) else []


def _signature(kind):
    arguments = {"api": "req, context", "cron": "context"}.get(kind, "input, context")
    return f"async def handler({arguments})"


def _stand_in(value):
    if schema.describes(value):
        return schema.of(value)
    if callable(value):
        raise TypeError(f"the function {getattr(value, '__name__', value)} is not JSON")
    return plain(value)
