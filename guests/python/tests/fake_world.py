"""Stands in for the bindings that `componentize-py` generates, with a host that lives in memory."""

import dataclasses
import enum
import sys
import types


class Err(Exception):
    """As `componentize_py_types.Err`."""

    def __init__(self, value):
        super().__init__(value)
        self.value = value


def _record(name, *fields):
    return dataclasses.make_dataclass(name, fields)


def _types():
    names = {
        "Error_Denied": ["value"],
        "Error_Invalid": ["value"],
        "Part": ["name", "file_name", "content_type", "data"],
        "Request": ["method", "path", "path_params", "query_params", "headers", "raw_body", "body"],
        "Response": ["status", "headers", "body"],
        "Event": ["id", "topic", "data", "message_group_id", "headers"],
        "CronTick": ["scheduled_at"],
        "StateChange": ["group_id", "key", "old_value", "new_value"],
        "StreamChange": ["stream_name", "group_id", "id", "action", "data"],
        "AuthRequest": ["headers", "url"],
        "SubscriptionRequest": ["stream_name", "group_id", "id", "context"],
        "Invocation": ["id", "trace_id", "flows", "attempt", "deadline", "trigger"],
        "Failure": ["name", "message", "stack", "retryable", "retry_after"],
    }
    for kind in ("Empty", "Json", "Text", "Bytes"):
        names[f"Body_{kind}"] = []
        names[f"ResponseBody_{kind}"] = [] if kind == "Empty" else ["value"]
    for name in ("Body_Form", "Body_Multipart"):
        names[name] = ["value"]
    for kind in ("Api", "Event", "Batch", "Cron", "State", "Stream", "Authenticate", "CanAccess", "Join", "Leave"):
        names[f"Trigger_{kind}"] = ["value"]
    made = {name: _record(name, *fields) for name, fields in names.items()}
    made["StreamAction"] = enum.Enum("StreamAction", "CREATE UPDATE DELETE", start=0)
    return made


class Host:
    """What the step's calls reach."""

    def __init__(self):
        self.environment, self.emitted, self.logged, self.sent = [], [], [], []
        self.options, self.cancelled = [], []
        self.values, self.items = {}, {}

    def emit(self, topic, data, options):
        """Refuses the topic `denied`."""
        if topic == "denied":
            raise Err(wit.Error_Denied("not in `emits`: denied"))
        self.emitted.append((topic, data, options.message_group_id))
        self.options.append(options)
        return f"event {len(self.emitted)}"

    def cancel(self, id):
        """There is always something to take back."""
        self.cancelled.append(id)
        return True

    def set_item(self, stream, group, id, data):
        """Stores the item as it is."""
        self.items[stream, group, id] = data
        return data

    def set_value(self, group, key, value):
        """Returns what was there before."""
        before = self.values.get((group, key))
        self.values[group, key] = value
        return before


host = Host()
"""The host that is in use; a test replaces its contents with `reset`."""


def reset():
    """A new host for the next test."""
    host.__init__()
    return host


def _module(name, **contents):
    module = types.ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module
    return module


def install():
    """Puts the bindings into `sys.modules`."""
    entry, item = _record("Entry", "key", "value"), _record("Item", "id", "data")
    ops = {f"UpdateOp_{kind}": _record(f"UpdateOp_{kind}", "value") for kind in ("Set", "Merge", "Increment", "Decrement", "Remove")}
    _module("componentize_py_types", Err=Err)
    _module("motia.preopens", reset=lambda: None)
    world = _module("wit_world", WitWorld=object)
    world.__path__ = []
    parts = dict(
        types=_module("wit_world.imports.types", **_types()),
        emitter=_module(
            "wit_world.imports.emitter",
            EmitOptions=_record("EmitOptions", "message_group_id", "id", "at", "delay", "priority", "headers"),
            emit=lambda *a: host.emit(*a),
            cancel=lambda id: host.cancel(id),
        ),
        state=_module(
            "wit_world.imports.state",
            **ops,
            get=lambda group, key: host.values.get((group, key)),
            set=lambda *a: host.set_value(*a),
            delete=lambda group, key: host.values.pop((group, key), None),
            get_group=lambda group: [entry(k, v) for (g, k), v in sorted(host.values.items()) if g == group],
            clear=lambda group: [host.values.pop(at) for at in list(host.values) if at[0] == group] and None,
            update=lambda group, key, ops: '{"ops": %d}' % len(ops),
        ),
        streams=_module(
            "wit_world.imports.streams",
            get=lambda *at: host.items.get(at),
            set=lambda *a: host.set_item(*a),
            delete=lambda *at: host.items.pop(at, None),
            get_group=lambda s, g: [item(at[2], v) for at, v in sorted(host.items.items()) if at[:2] == (s, g)],
            send=lambda *a: host.sent.append(a),
        ),
        logger=_module(
            "wit_world.imports.logger",
            Level=enum.Enum("Level", "DEBUG INFO WARN ERROR", start=0),
            log=lambda level, message, args: host.logged.append((level.name.lower(), message, args)),
        ),
        environment=_module("wit_world.imports.environment", get_environment=lambda: list(host.environment)),
    )
    imports = _module("wit_world.imports", **parts)
    imports.__path__ = []
    world.imports = imports


install()
wit = sys.modules["wit_world.imports.types"]
