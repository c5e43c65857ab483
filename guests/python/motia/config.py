"""The step's `config` as JSON."""

import collections.abc
import dataclasses

from . import hooks, schema
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
    _take_condition(value, step.file)
    if step.kind == "stream":
        value = hooks.marked(module, value, step.file)
    if step.kind == "step" and value.get("type") != "noop" and not callable(getattr(module, "handler", None)):
        raise InvalidConfig(f"{step.file}: no `handler` function; add `{_signature(value.get('type'))}`")
    try:
        return render(value, "config", _stand_in)
    except TypeError as error:
        raise InvalidConfig(f"{step.file}: {error}") from None


def _take_condition(value, file):
    """Removes the condition, which is code and not config, where it belongs."""
    watches, condition = value.get("type") in _WATCHERS, value.get("condition")
    if watches:
        value.pop("condition", None)
    if watches and condition is not None and not callable(condition):
        raise InvalidConfig(
            f'{file}: `config["condition"]` is a {type(condition).__name__}; '
            "it must be a function of the input and the context"
        )
    if not watches and callable(condition):
        raise InvalidConfig(f'{file}: `config["condition"]`: only state and stream steps have a condition')


def condition(module):
    """The function that decides whether the handler of a state or stream step is called, or `None`."""
    return _part(module, "condition")


def middleware(module):
    """The functions that wrap an api step's handler, the outermost first."""
    return list(_part(module, "middleware") or ())


def _part(module, name):
    """A part of the config as the module has it."""
    value = getattr(module, "config", None)
    return value.get(name) if isinstance(value, collections.abc.Mapping) else getattr(value, name, None)


def _signature(kind):
    arguments = {"api": "req, context", "cron": "context"}.get(kind, "input, context")
    return f"async def handler({arguments})"


def _stand_in(value):
    if schema.describes(value):
        return schema.of(value)
    if callable(value):
        raise TypeError(f"the function {getattr(value, '__name__', value)} is not JSON")
    return plain(value)
