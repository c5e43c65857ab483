"""What every handler is given: the context, with emit, state, streams and the logger."""

import collections.abc
import datetime
import uuid

from componentize_py_types import Err
from wit_world.imports import emitter, logger as host_logger, state as host_state, streams as host_streams, types as wit

from .errors import from_host
from .values import Record, clean, parse, parse_state, render, render_leniently

_PRIORITIES = range(-100, 101)
"""The host checks it as well, but a number beyond 32 bits would not reach it."""

_LATEST = 253_402_300_800
"""The year 10000, which `datetime` does not have: who gives milliseconds for seconds is told so."""


class Call(collections.abc.Coroutine):
    """A call of the host that has already been made; `await` gives its result or raises its error.

    The host is called at once, so that a call takes effect even if it is not awaited. It is a coroutine
    because `asyncio.create_task` takes nothing else.
    """

    unseen = []
    """The failed calls of this invocation that nobody awaited so far, as (what, call)."""

    def __init__(self, what, function, *arguments):
        self._value = self._error = None
        try:
            self._value = function(*arguments)
        except Err as error:
            self._error = from_host(error.value)
            self.unseen.append((what, self))

    @property
    def error(self):
        """The error of the call, or `None`."""
        return self._error

    def then(self, change):
        """This call, its result put through `change` unless it failed."""
        if self._error is None:
            self._value = change(self._value)
        return self

    def send(self, _value):
        """The coroutine protocol: ends at once with the result."""
        if self._error is not None:
            self.unseen[:] = [entry for entry in self.unseen if entry[1] is not self]
            raise self._error
        raise StopIteration(self._value)

    def throw(self, kind, value=None, trace=None):
        """The coroutine protocol: raises what is thrown in."""
        raise kind if value is None else value

    def close(self):
        """The coroutine protocol: there is nothing to end."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)


class FlowContext:
    """What a handler can do beyond computing: emit events, keep state, feed streams, write logs."""

    def __class_getitem__(cls, _parameters):
        return cls

    def __init__(self, invocation):
        self.trace_id = self.traceId = invocation.trace_id
        self.invocation_id = self.invocationId = invocation.id
        self.flows = list(invocation.flows)
        self.attempt = invocation.attempt
        self.event, self.events = _events(invocation.trigger)
        self.state = State()
        self.streams = Streams()
        self.logger = Logger()

    def emit(self, event):
        """Emits `{"topic": ..., "data": ...}` and gives the event's id. Awaitable.

        Optional are `messageGroupId`, `id` (the same one with the same topic is stored once in 24 hours), `at` (a
        datetime, ISO 8601 text or seconds since 1970), `delay` (seconds or a timedelta), `priority` (-100 to 100) and
        `headers` (a mapping of names to texts).
        """
        if not isinstance(event, collections.abc.Mapping) or not isinstance(event.get("topic"), str):
            raise TypeError('emit takes {"topic": "...", "data": ...}')
        data = render(event.get("data"), "data")
        return Call(f"emit to {event['topic']}", emitter.emit, clean(event["topic"]), data, _options(event))

    def cancel(self, event_id):
        """Takes back an event that waits for its time; gives whether there was anything to take back. Awaitable."""
        if not isinstance(event_id, str):
            raise TypeError(f"cancel takes the id that `await context.emit(...)` gave, not {event_id!r}")
        return Call("cancel", emitter.cancel, clean(event_id))


def _events(trigger):
    """What is known of the event, and of the events of a batch, beside their data."""
    if isinstance(trigger, wit.Trigger_Event):
        return _event(trigger.value), None
    if isinstance(trigger, wit.Trigger_Batch):
        return None, [_event(event) for event in trigger.value]
    return None, None


def _event(event):
    return Record(
        id=event.id, topic=event.topic, messageGroupId=event.message_group_id, headers=Record(dict(event.headers))
    )


def _options(event):
    """The options of an emit in WIT types."""
    group, name = event.get("messageGroupId", event.get("message_group_id")), event.get("id")
    at, delay, priority = (event.get(key) for key in ("at", "delay", "priority"))
    return emitter.EmitOptions(
        message_group_id=None if group is None else _text(group, "messageGroupId"),
        id=None if name is None else _text(name, "id"),
        at=None if at is None else _moment(at),
        delay=None if delay is None else _wait(delay),
        priority=None if priority is None else _priority(priority),
        headers=_headers(event.get("headers")),
    )


def _text(value, what):
    """A text, number or UUID as text; that of anything else, such as a call without `await`, is never meant."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, uuid.UUID)):
        raise TypeError(f"emit: {what} must be a text, number or UUID, but is {value!r}")
    return clean(str(value))


def _moment(at):
    """A point in time in milliseconds since 1970; those before are as past as 1970 is."""
    time = at
    if isinstance(time, str):
        try:
            time = datetime.datetime.fromisoformat(time)
        except ValueError:
            time = None
    milliseconds = _milliseconds(time.timestamp() if isinstance(time, datetime.datetime) else time)
    if milliseconds is None:
        raise TypeError(f"emit: at must be a datetime, ISO 8601 text or seconds since 1970, but is {at!r}")
    return milliseconds


def _wait(delay):
    """A wait in milliseconds; who computes it from a clock may be late, so a negative one is none."""
    milliseconds = _milliseconds(delay.total_seconds() if isinstance(delay, datetime.timedelta) else delay)
    if milliseconds is None:
        raise TypeError(f"emit: delay must be seconds or a timedelta, but is {delay!r}")
    return milliseconds


def _milliseconds(seconds):
    """The seconds in milliseconds; `None` if they are no number or make no sense."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not abs(seconds) < _LATEST:
        return None
    return max(0, round(seconds * 1000))


def _priority(priority):
    if isinstance(priority, bool) or not isinstance(priority, int) or priority not in _PRIORITIES:
        raise TypeError(f"emit: priority must be an integer from -100 to 100, but is {priority!r}")
    return priority


def _headers(headers):
    """Absent values are left out, so that a header may be conditional."""
    if headers is None:
        return []
    if not isinstance(headers, collections.abc.Mapping):
        raise TypeError(f"emit: headers must be a mapping of names to texts, but is {headers!r}")
    present = [(_text(name, "a header's name"), value) for name, value in headers.items() if value is not None]
    return [(name, _text(value, f"header `{name}`")) for name, value in present]


class State:
    """Values that steps share, by group and key. Every method is awaitable."""

    def get(self, group_id, key):
        """The value, or `None`."""
        return Call("state.get", host_state.get, _id(group_id), _id(key)).then(_maybe(parse_state))

    def set(self, group_id, key, value):
        """Stores the value and returns it."""
        text = render(value, "value")
        return Call("state.set", host_state.set, _id(group_id), _id(key), text).then(lambda _: value)

    def delete(self, group_id, key):
        """Deletes the value and returns it, `None` if there was none."""
        return Call("state.delete", host_state.delete, _id(group_id), _id(key)).then(_maybe(parse_state))

    def get_group(self, group_id, *_key):
        """All values of the group."""
        call = Call("state.get_group", host_state.get_group, _id(group_id))
        return call.then(lambda entries: [parse_state(entry.value) for entry in entries])

    getGroup = get_group

    def clear(self, group_id):
        """Deletes all values of the group."""
        return Call("state.clear", host_state.clear, _id(group_id))

    def update(self, group_id, key, ops):
        """Applies operations to the value, all or none, and returns the new value.

        An operation is `{"type": "set" | "merge" | "increment" | "decrement" | "remove", "path": "a.b",
        "value": ...}`, with `by` instead of `value` for increments and decrements.
        """
        made = [_operation(op) for op in ops]
        return Call("state.update", host_state.update, _id(group_id), _id(key), made).then(parse_state)


def _operation(op):
    kind, path = op.get("type"), clean(str(op.get("path") or ""))
    if kind == "set":
        return host_state.UpdateOp_Set((path, render(op.get("value"), "value")))
    if kind == "merge":
        return host_state.UpdateOp_Merge((path, render(op.get("value"), "value")))
    if kind == "increment":
        return host_state.UpdateOp_Increment((path, float(op.get("by", 1))))
    if kind == "decrement":
        return host_state.UpdateOp_Decrement((path, float(op.get("by", 1))))
    if kind == "remove":
        return host_state.UpdateOp_Remove(path)
    raise TypeError(f"unknown update operation {kind!r}; there are set, merge, increment, decrement and remove")


class Streams:
    """The streams, as attributes or items: `streams.chat`, `streams["chat"]`."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stream(name)

    def __getitem__(self, name):
        return Stream(name)

    def get(self, name, _default=None):
        """The stream `name`."""
        return Stream(name)


class Stream:
    """One stream. Every method is awaitable."""

    def __init__(self, name):
        self.name = _id(name)

    def get(self, group_id, id):
        """The item, or `None`."""
        call = Call(f"streams.{self.name}.get", host_streams.get, self.name, _id(group_id), _id(id))
        return call.then(lambda text: self._item(group_id, id, text))

    def set(self, group_id, id, data):
        """Stores an item, tells the subscribers, and returns it as stored."""
        text = render(data, "data")
        call = Call(f"streams.{self.name}.set", host_streams.set, self.name, _id(group_id), _id(id), text)
        return call.then(lambda stored: self._item(group_id, id, stored))

    def delete(self, group_id, id):
        """Deletes an item, tells the subscribers, and returns it, `None` if there was none."""
        call = Call(f"streams.{self.name}.delete", host_streams.delete, self.name, _id(group_id), _id(id))
        return call.then(lambda text: self._item(group_id, id, text))

    def get_group(self, group_id):
        """All items of the group, ordered by id."""
        call = Call(f"streams.{self.name}.get_group", host_streams.get_group, self.name, _id(group_id))
        return call.then(lambda items: [self._item(group_id, item.id, item.data) for item in items])

    getGroup = get_group

    def send(self, channel, event):
        """Tells the subscribers of `{"groupId": ..., "id": ...}` (`id` is optional) `{"type": ..., "data": ...}`."""
        if isinstance(channel, collections.abc.Mapping):
            group = channel.get("groupId", channel.get("group_id"))
            id = channel.get("id")
        else:
            group, id = channel, None
        if group is None or not isinstance(event, collections.abc.Mapping) or "type" not in event:
            raise TypeError('send takes {"groupId": "..."} and {"type": "...", "data": ...}')
        return Call(
            f"streams.{self.name}.send",
            host_streams.send,
            self.name,
            _id(group),
            None if id is None else _id(id),
            clean(str(event["type"])),
            render(event.get("data"), "data"),
        )

    def _item(self, group_id, id, text):
        """The item with the mark by which clients know where it belongs."""
        if text is None:
            return None
        item = parse(text)
        if isinstance(item, dict):
            item["__motia"] = Record(type="state-stream", streamName=self.name, groupId=_id(group_id), id=_id(id))
        return item


class Logger:
    """Writes log records. `args` is a mapping of the record's own fields; anything else becomes `data`."""

    def info(self, message, args=None):
        """Something worth knowing."""
        _log(host_logger.Level.INFO, message, args)

    def warn(self, message, args=None):
        """Something that should not be, but can be lived with."""
        _log(host_logger.Level.WARN, message, args)

    warning = warn

    def error(self, message, args=None):
        """Something that failed."""
        _log(host_logger.Level.ERROR, message, args)

    def debug(self, message, args=None):
        """Something for whoever looks for a mistake."""
        _log(host_logger.Level.DEBUG, message, args)


def _log(level, message, args):
    if isinstance(args, BaseException):
        args = {"error": args}
    elif args is not None and not isinstance(args, collections.abc.Mapping):
        args = {"data": args}
    host_logger.log(level, clean(str(message)), None if args is None else render_leniently(dict(args)))


def report_unseen():
    """Logs the failed calls that nobody awaited; their errors would otherwise be lost."""
    while Call.unseen:
        what, call = Call.unseen.pop(0)
        _log(host_logger.Level.ERROR, f"{what} failed and was not awaited: {call.error}", {"code": call.error.code})


def _id(value):
    """A group, key or id as text; numbers and UUIDs are commonly used."""
    if value is None:
        raise TypeError("a group, key or id is None")
    return clean(str(value))


def _maybe(change):
    return lambda text: None if text is None else change(text)
