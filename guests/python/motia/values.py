"""JSON in and out: what handlers are given, and what may be handed to the host."""

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import json
import uuid

from . import traces


class Record(dict):
    """A JSON object whose fields are attributes as well.

    A field with the name of a `dict` method (`items`, `get`, ...) is only reached by its key.
    """

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no field `{name}`; there are: {', '.join(map(str, self)) or 'none'}") from None

    def __setattr__(self, name, value):
        self[name] = value

    def __delattr__(self, name):
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"no field `{name}`") from None


class StateValue(Record):
    """An object out of the state.

    Motia wrapped such objects in `{"data": ...}`. Where the object has no field `data` of its own,
    `value["data"]` and `value.get("data", default)` therefore answer with the object itself.
    """

    def __missing__(self, key):
        if key == "data":
            return self
        raise KeyError(key)

    def get(self, key, default=None):
        """The field, `default` without it; see the class for `data`."""
        if key == "data" and "data" not in self:
            return self
        return super().get(key, default)


def parse(text):
    """A JSON text as Python values; objects are `Record`s."""
    return json.loads(text, object_hook=Record)


def parse_state(text):
    """A JSON text out of the state; the outermost object is a `StateValue`."""
    value = parse(text)
    return StateValue(value) if isinstance(value, dict) else value


def clean(text):
    """The text without lone surrogates, which have no UTF-8 form and would abort the instance."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def plain(value):
    """What stands for `value` in JSON, for the types that `json` does not know."""
    if isinstance(value, type):
        raise TypeError(f"the class {value.__name__} is not JSON")
    for method in ("model_dump", "dict"):
        dump = getattr(value, method, None)
        if callable(dump):
            return dump()
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        # Sorted where that is possible: the order of a set differs from run to run.
        try:
            return sorted(value)
        except TypeError:
            return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError("bytes are not JSON; encode them, for example with base64")
    raise TypeError(f"a value of type {type(value).__name__} is not JSON")


def render(value, what, default=plain):
    """`value` as JSON text; a `TypeError` that names the place in `what` if it is not JSON."""
    try:
        text = json.dumps(value, default=default, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        path, reason = _culprit(value, default, error)
        raise TypeError(f"`{what}{path}` cannot be sent: {reason}") from None
    return clean(text)


def render_leniently(value):
    """`value` as JSON text for a log record, where an odd value must not become an error."""

    def default(odd):
        if isinstance(odd, BaseException):
            return traces.expand(odd)
        try:
            return plain(odd)
        except Exception:
            return str(odd)

    try:
        return clean(json.dumps(value, default=default, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return json.dumps({"data": repr(value)})


def _culprit(value, default, error, depth=0):
    """The path to the first value that is not JSON, and why it is not."""
    if depth < 50:
        if isinstance(value, dict):
            parts = [(f".{key}", part) for key, part in value.items()]
        elif isinstance(value, (list, tuple)):
            parts = [(f"[{index}]", part) for index, part in enumerate(value)]
        else:
            parts = []
        for name, part in parts:
            try:
                json.dumps(part, default=default, allow_nan=False)
            except (TypeError, ValueError) as inner:
                path, reason = _culprit(part, default, inner, depth + 1)
                return name + path, reason
        if not isinstance(value, (dict, list, tuple, str, int, float)):
            try:
                stand_in = default(value)
            except Exception as inner:
                return "", inner
            if isinstance(stand_in, (dict, list)):
                return _culprit(stand_in, default, error, depth + 1)
    return "", error
