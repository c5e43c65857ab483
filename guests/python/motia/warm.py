"""Runs the glue on samples, so that an invocation finds its caches filled and its code specialized.

What it would write otherwise, each invocation would have to write, to a copy of the page. The host cannot be
called while the engine's snapshot is taken, so nothing here may do so.
"""

import asyncio
import dataclasses
import json
import types
import typing

from wit_world.imports import types as wit

from . import config, context, invoke, values

@dataclasses.dataclass
class _Schema:
    text: str
    tags: typing.Optional[list[str]] = None


async def _handler(req, context):
    await asyncio.sleep(0)
    if req.body.text == "fail":
        raise ValueError(req.body.text)
    return {"status": 200, "headers": {"x-sample": "é"}, "body": {"text": req.body["text"], "query": req.queryParams}}


async def _consumer(input, context):
    return values.render_leniently({"input": input})


_MODULE = types.SimpleNamespace(
    config={"name": "Sample", "type": "api", "path": "/sample/:id", "method": "POST", "bodySchema": _Schema},
    handler=_handler,
)

_WATCHER = types.SimpleNamespace(config={"name": "Sample", "type": "state", "condition": lambda change: change.new_value})

_EVENT = {
    "topic": "sample",
    "messageGroupId": "a",
    "id": "a",
    "at": "2020-01-01T00:00:00+00:00",
    "delay": 1.5,
    "priority": 1,
    "headers": {"sample": "a"},
}


def up():
    """Runs every sample."""
    step = types.SimpleNamespace(file="steps/sample_step.py", kind="step")
    config.of(_MODULE, step)
    for body in ({"text": "hé", "list": [1, 2.5, None, True]}, {"text": "fail"}):
        try:
            invoke.run(step, _MODULE, _handler, _invocation(_api(body)))
        except ValueError as error:
            invoke.failure(error)
    event = wit.Event(id="1", topic="sample", data='{"text": "a"}', message_group_id=None, headers=[("sample", "a")])
    invoke.run(step, _MODULE, _consumer, _invocation(wit.Trigger_Event(event)))
    invoke.run(step, _MODULE, _consumer, _invocation(wit.Trigger_Batch([event, event])))
    change = wit.StateChange(group_id="sample", key="1", old_value=None, new_value='{"text": "a"}')
    invoke.run(step, _WATCHER, _consumer, _invocation(wit.Trigger_State(change)))
    context._options(_EVENT)
    values.parse_state('{"text": "a"}').get("data")
    asyncio.run(_awaited())


async def _awaited():
    return await context.Call("sample", str, "a").then(values.clean)


def _api(body):
    request = wit.Request(
        method="POST",
        path="/sample/1",
        path_params=[("id", "1")],
        query_params='{"q": ["1", "2"]}',
        headers=[("content-type", "application/json"), ("accept", "*/*"), ("accept", "text/html")],
        raw_body=json.dumps(body).encode(),
        body=wit.Body_Json(),
    )
    return wit.Trigger_Api(request)


def _invocation(trigger):
    return wit.Invocation(id="1", trace_id="trace", flows=["sample"], attempt=1, deadline=0, trigger=trigger)
