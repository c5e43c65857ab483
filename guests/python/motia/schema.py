"""JSON Schema for the classes that may stand in a config: pydantic models, dataclasses, typed dicts."""

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import types
import typing
import uuid

_SIMPLE = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    bytes: {"type": "string"},
    dict: {"type": "object"},
    list: {"type": "array"},
    set: {"type": "array"},
    tuple: {"type": "array"},
    typing.Any: {},
    object: {},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    decimal.Decimal: {"type": "string"},
    uuid.UUID: {"type": "string", "format": "uuid"},
}

# The unit tests also run on Python 3.10, which lacks two of them.
_WRAPPERS = [getattr(typing, name) for name in ("Annotated", "Required", "NotRequired", "Final") if hasattr(typing, name)]


def of(kind):
    """The JSON Schema of a class or type annotation; a `TypeError` if it has none."""
    for method in ("model_json_schema", "schema"):
        make = getattr(kind, method, None)
        if isinstance(kind, type) and callable(make):
            return make()
    return _of(kind, ())


def describes(value):
    """Whether `value` is a class or annotation that can stand for a schema."""
    return isinstance(value, type) or typing.get_origin(value) is not None


def _of(kind, holders):
    if kind in _SIMPLE:
        return dict(_SIMPLE[kind])
    if kind in holders:
        # A schema that refers to itself needs names; what lies below is then not checked.
        return {}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in _WRAPPERS:
        return _of(arguments[0], holders)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_of(argument, holders) for argument in arguments]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable):
        return {"type": "array", "items": _of(arguments[0], holders)}
    if origin is tuple:
        return {"type": "array"}
    if origin in (dict, collections.abc.Mapping):
        return {"type": "object", "additionalProperties": _of(arguments[1], holders)}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = dataclasses.fields(kind)
        missing = dataclasses.MISSING
        required = [f.name for f in fields if f.default is missing and f.default_factory is missing]
        return _object({f.name: _of(hints[f.name], holders + (kind,)) for f in fields}, required)
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        required = [name for name in hints if name in kind.__required_keys__]
        return _object({name: _of(hint, holders + (kind,)) for name, hint in hints.items()}, required)
    if hasattr(kind, "model_json_schema") or hasattr(kind, "__fields__"):
        return of(kind)
    raise TypeError(f"{getattr(kind, '__name__', kind)} has no JSON Schema; use a pydantic model, a dataclass or a dict")


def _object(properties, required):
    return {"type": "object", "properties": properties, "required": required}
