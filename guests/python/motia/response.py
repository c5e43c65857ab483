"""What an api step's handler returns: the response."""

import collections.abc
import dataclasses
import typing

from wit_world.imports import types as wit

from .errors import InvalidResponse
from .values import clean, render

_EXPECTED = 'an api step returns {"status": 200, "body": ..., "headers": {...}}'
_ABSENT = object()


@dataclasses.dataclass
class ApiResponse:
    """An HTTP response, for those who prefer it to a dictionary."""

    status: int
    body: typing.Any = None
    headers: typing.Any = None

    def __class_getitem__(cls, _parameters):
        return cls


def response(result, file):
    """The WIT record for what the handler of `file` returned."""
    if isinstance(result, collections.abc.Mapping):
        field = result.get
    elif hasattr(result, "status"):

        def field(name, default=None):
            return getattr(result, name, default)
    else:
        what = "nothing" if result is None else f"a value of type {type(result).__name__}"
        raise InvalidResponse(f"{file}: the handler returned {what}; {_EXPECTED}")
    status = field("status", _ABSENT)
    if status is _ABSENT:
        raise InvalidResponse(f"{file}: the response has no `status`; {_EXPECTED}")
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise InvalidResponse(f"{file}: `status` is {status!r}; it must be a number from 200 to 599")
    return wit.Response(
        status=int(status),
        headers=_headers(field("headers", None), file),
        body=_body(field("body", _ABSENT)),
    )


def _body(body):
    if body is _ABSENT:
        return wit.ResponseBody_Empty()
    if isinstance(body, str):
        return wit.ResponseBody_Text(clean(body))
    if isinstance(body, (bytes, bytearray, memoryview)):
        return wit.ResponseBody_Bytes(bytes(body))
    return wit.ResponseBody_Json(render(body, "body"))


def _headers(headers, file):
    if headers is None:
        return []
    if isinstance(headers, collections.abc.Mapping):
        headers = headers.items()
    try:
        pairs = [(str(name), value) for name, value in headers]
    except (TypeError, ValueError):
        raise InvalidResponse(f"{file}: `headers` must be a mapping from names to values") from None
    made = []
    for name, value in pairs:
        for single in value if isinstance(value, (list, tuple)) else [value]:
            if single is not None:
                made.append((clean(name), clean(str(single))))
    return made
