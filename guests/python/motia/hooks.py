"""The functions of a stream, which are called for the clients that follow it."""

import collections.abc

from wit_world.imports import types as wit

from .errors import InvalidConfig
from .values import Record, parse

_NAMES = {"canAccess": "can_access", "onJoin": "on_join", "onLeave": "on_leave"}
"""The functions, each with its other name. They are fields of the config or functions of the module."""

_CALLED_FOR = {wit.Trigger_CanAccess: "canAccess", wit.Trigger_Join: "onJoin", wit.Trigger_Leave: "onLeave"}


class Subscription(Record):
    """What a client follows: `streamName`, `groupId` and `id`, which is `None` for a whole group."""

    def __missing__(self, key):
        aliases = {"stream_name": "streamName", "group_id": "groupId"}
        if key in aliases:
            return self[aliases[key]]
        raise KeyError(key)


def is_hook(trigger):
    """Whether the trigger calls a function of a stream, or of the project's config."""
    return type(trigger) in _CALLED_FOR or isinstance(trigger, wit.Trigger_Authenticate)


def marked(module, config, file):
    """The stream's config with `True` in place of each function that it has."""
    names = [name for pair in _NAMES.items() for name in pair]
    made = {name: part for name, part in config.items() if name not in names}
    for name in _NAMES:
        function = _find(module, config, name)
        if function is not None and not callable(function):
            raise InvalidConfig(f"{file}: `{name}` is a {type(function).__name__}; it must be a function")
        if function is not None:
            made[name] = True
    return made


def _find(module, config, name):
    fields = config if isinstance(config, collections.abc.Mapping) else {}
    for place in (fields.get, lambda key: getattr(module, key, None)):
        for key in (name, _NAMES[name]):
            if place(key) is not None:
                return place(key)
    return None


def run(step, module, flow, trigger, call):
    """Calls the function that the trigger asks for; `call` takes a function and its arguments."""
    if isinstance(trigger, wit.Trigger_Authenticate):
        raise InvalidConfig(f"{step.file}: clients are authenticated by the project's `motia.config.ts`")
    name, request = _CALLED_FOR[type(trigger)], trigger.value
    function = _find(module, getattr(module, "config", None), name)
    if not callable(function):
        raise InvalidConfig(f"{step.file}: this stream has no function `{_NAMES[name]}`")
    subscription = Subscription(streamName=request.stream_name, groupId=request.group_id, id=request.id)
    known = None if request.context is None else parse(request.context)
    if name == "canAccess":
        return _verdict(call(function, subscription, known, flow))
    result = call(function, subscription, flow, known)
    return _verdict(_is_welcome(result, step.file)) if name == "onJoin" else None


def _is_welcome(result, file):
    """What makes no sense lets nobody in."""
    if result is None:
        return True
    if isinstance(result, dict):
        return not result.get("unauthorized")
    raise TypeError(f'{file}: `on_join` returned a {type(result).__name__}; it returns {{"unauthorized": bool}}, or nothing')


def _verdict(allowed):
    return wit.Response(status=200 if allowed else 403, headers=[], body=wit.ResponseBody_Empty())
