"""The component's two exports: `config`, read once at build, and `handle`, once per instance."""

import inspect
import os
import random
import sys
import uuid

from componentize_py_types import Err
from wit_world.imports import environment, types as wit

from . import config, context, hooks, loop, taps, traces
from .errors import InvalidConfig
from .request import request
from .response import response
from .values import Record, clean, parse

_UUID_STATE = {
    name: value for name, value in vars(uuid).items() if name.startswith("_last_") or name == "_node"
}
"""What `uuid` remembers between calls, as it is before the first one."""

_PLACEHOLDERS = "MOTIA_CONFIG_PLACEHOLDERS"


def read_config(step):
    """The `config` export: JSON text, or `Err` with a failure."""
    variables = refresh(step)
    with taps.Tap(placeholders=variables.pop(_PLACEHOLDERS, None) == "1") as tap:
        os.environ.pop(_PLACEHOLDERS, None)
        tap.reads.clear()
        try:
            return config.of(step.module(), step)
        except BaseException as error:
            made = failure(error)
            names = [name for name in tap.variables() if name not in variables]
            if names and not isinstance(error, InvalidConfig):
                made.message += f" (read while evaluating the config, and not set: {', '.join(names)})"
            raise Err(made) from None
        finally:
            flush()


def handle(step, invocation):
    """The `handle` export: the response of an api step or a hook, `None` for other kinds, or `Err` with a failure."""
    try:
        refresh(step)
        module = step.module()
        if hooks.is_hook(invocation.trigger):
            flow = context.FlowContext(invocation)
            return hooks.run(step, module, flow, invocation.trigger, lambda *call: _complete(_call(*call), flow))
        handler = getattr(module, "handler", None)
        if not callable(handler):
            # Says what is missing, as it does at build.
            config.of(module, step)
            raise TypeError(f"{step.file} has no handler to run")
        return run(step, module, handler, invocation)
    except BaseException as error:
        raise Err(failure(error)) from None
    finally:
        context.report_unseen()
        flush()


def run(step, module, handler, invocation):
    """What the handler answers, in WIT types."""
    flow = context.FlowContext(invocation)
    trigger = invocation.trigger
    if isinstance(trigger, wit.Trigger_Api):
        layers = config.middleware(module)
        result = _complete(_wrap(handler, layers, request(trigger.value), flow), flow)
        return response(result, step.file)
    if isinstance(trigger, wit.Trigger_Cron):
        _complete(_call(handler, flow), flow)
        return None
    given = _input(trigger)
    condition = config.condition(module) if isinstance(trigger, (wit.Trigger_State, wit.Trigger_Stream)) else None
    if condition is None or _complete(_call(condition, given, flow), flow):
        _complete(_call(handler, given, flow), flow)
    return None


def _wrap(handler, layers, req, flow):
    """Calls the handler through its middleware; an awaitable, or the result of a plain function."""
    if not layers:
        return _call(handler, req, flow)

    def following(index, req):
        async def next_fn(d=None):
            given = req if d is None else d
            if index == len(layers):
                result = _call(handler, given, flow)
            else:
                result = _call(layers[index], given, flow, following(index + 1, given))
            return await result if inspect.isawaitable(result) else result

        return next_fn

    return following(0, req)()


def _call(function, *arguments):
    """Calls `function` with as many of the arguments as it takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return function(*arguments)
    if not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        arguments = arguments[: sum(parameter.kind in places for parameter in parameters)]
    return function(*arguments)


def _complete(result, flow):
    """The result itself, or what it gives when it is awaited."""
    if not inspect.isawaitable(result):
        return result

    def stray(error):
        flow.logger.error(f"a task that was not awaited failed: {traces.headline(error)}", {"error": error})

    return loop.run(result, stray)


def _input(trigger):
    """What the handler of an event, batch, state or stream trigger is given."""
    value = trigger.value
    if isinstance(trigger, wit.Trigger_Event):
        return parse(value.data)
    if isinstance(trigger, wit.Trigger_Batch):
        return [parse(event.data) for event in value]
    if isinstance(trigger, wit.Trigger_State):
        return Record(
            type="state",
            group_id=value.group_id,
            item_id=value.key,
            old_value=None if value.old_value is None else parse(value.old_value),
            new_value=None if value.new_value is None else parse(value.new_value),
        )
    event = Record(type=value.action.name.lower(), data=parse(value.data))
    return Record(type="stream", streamName=value.stream_name, groupId=value.group_id, id=value.id, event=event)


def refresh(step):
    """Makes this instance unlike the others: its own environment and randomness. Returns the environment."""
    variables = dict(environment.get_environment())
    os.environ.clear()
    os.environ.update(variables)
    random.seed()
    for generator in step.generators:
        generator.seed()
    vars(uuid).update(_UUID_STATE)
    return variables


def failure(error):
    """The WIT record for an exception."""
    after = getattr(error, "retry_after", None)
    if isinstance(after, bool) or not isinstance(after, (int, float)) or not 0 <= after < 2**63:
        after = None
    return wit.Failure(
        name=type(error).__name__,
        message=clean(traces.message(error)),
        stack=clean(traces.format(error)),
        retryable=getattr(error, "retryable", True) is not False,
        retry_after=None if after is None else int(after),
    )


def flush():
    """Hands over what the step has printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            # The step closed or replaced it.
            continue
