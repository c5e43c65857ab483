"""Handlers: what they are given, what they may do and return."""

import json
import unittest

from fake_world import wit
from step_case import StepCase

STEP = "steps/a_step.py"
API = 'config = {"name": "S", "type": "api", "path": "/", "method": "POST"}\n'


class Handle(StepCase):
    def step_of(self, text, config=API):
        return self.build({STEP: config + text}, STEP)

    def body(self, response):
        return json.loads(response.body.value)

    def test_the_readme_example(self):
        self.step_of(
            "async def handler(req, context):\n"
            '    await context.emit({"topic": "message.sent", "data": {"text": req.body["text"]}})\n'
            '    return {"status": 200, "body": {"ok": True}}\n'
        )
        response = self.api({"text": "hé"})
        self.assertEqual((response.status, self.body(response)), (200, {"ok": True}))
        self.assertEqual(self.host.emitted, [("message.sent", '{"text":"hé"}', None)])

    def test_a_request_is_a_mapping_with_attributes(self):
        self.step_of(
            "def handler(req):\n"
            "    same = req.get('body') is req.body and req.path_params is req['pathParams'] and req.get('raw_body') == req.rawBody\n"
            "    return {'status': 200, 'body': [same, req.body.a.b, req.headers['x'], req.queryParams.q, req.pathParams.id, req.method]}\n"
        )
        response = self.api({"a": {"b": 1}}, headers=[("x", "1"), ("x", "2")], query='{"q": ["1", "2"]}')
        self.assertEqual(self.body(response), [True, 1, "1, 2", ["1", "2"], "1", "POST"])

    def test_body_kinds(self):
        self.step_of("def handler(req):\n    return {'status': 200, 'body': [str(type(req.body).__name__), str(req.body), str(req.rawBody)]}\n")
        kinds = [
            (wit.Body_Empty(), b"", ["Record", "{}", ""]),
            (wit.Body_Text(), b"hi", ["str", "hi", "hi"]),
            (wit.Body_Bytes(), b"\xff", ["bytes", "b'\\xff'", "b'\\xff'"]),
            (wit.Body_Form('{"a": "1"}'), b"a=1", ["Record", "{'a': '1'}", "a=1"]),
        ]
        for kind, raw, expected in kinds:
            self.assertEqual(self.body(self.api(kind=kind, raw=raw)), expected)

    def test_multipart(self):
        self.step_of(
            "def handler(req):\n"
            "    f = req.files.up\n"
            "    return {'status': 200, 'body': [req.body.a, f.filename, f['content_type'], len(f.data), req.body.up is f]}\n"
        )
        parts = [wit.Part("a", None, None, b"1"), wit.Part("a", None, None, b"2"), wit.Part("up", "x.png", "image/png", b"\x00\x01")]
        self.assertEqual(self.body(self.api(kind=wit.Body_Multipart(parts), raw=b"..")), [["1", "2"], "x.png", "image/png", 2, True])

    def test_response_bodies(self):
        self.step_of("def handler(req):\n    return eval(req.body)\n")
        cases = {
            "{'status': 200}": wit.ResponseBody_Empty(),
            "{'status': 200, 'body': None}": wit.ResponseBody_Json("null"),
            "{'status': 200, 'body': 'text'}": wit.ResponseBody_Text("text"),
            "{'status': 200, 'body': b'x'}": wit.ResponseBody_Bytes(b"x"),
            "{'status': 200, 'body': [1, {2}]}": wit.ResponseBody_Json("[1,[2]]"),
        }
        for text, body in cases.items():
            self.assertEqual(self.api(text).body, body)
        self.assertEqual(self.api("{'status': 200, 'headers': {'a': ['1', 2]}}").headers, [("a", "1"), ("a", "2")])

    def test_wrong_responses_say_what_was_expected(self):
        self.step_of("def handler(req):\n    return eval(req.body)\n")
        for text in ("None", "5", "{}", "{'status': True}", "{'status': 99}", "{'status': '200'}"):
            failure = self.fails(self.api, text)
            self.assertEqual(failure.name, "InvalidResponse")
            self.assertIn(STEP, failure.message)
        self.assertIn("`body.a[0]`", self.fails(self.api, "{'status': 200, 'body': {'a': [object()]}}").message)
        self.assertEqual(self.fails(self.api, "{'status': 200, 'body': float('nan')}").name, "TypeError")

    def test_middleware_wraps_from_the_outside(self):
        self.build(
            {
                STEP: "async def outer(req, context, next_fn):\n    req.seen = ['outer']\n    r = await next_fn(req)\n"
                "    r['body'].append('end')\n    return r\n"
                "def inner(req, context, next_fn):\n    req.seen.append('inner')\n    return next_fn(d=req)\n"
                "config = {'name': 'S', 'type': 'api', 'middleware': [outer, inner]}\n"
                "async def handler(req, context):\n    return {'status': 200, 'body': req.seen}\n"
            },
            STEP,
        )
        self.assertNotIn("middleware", self.config())
        self.assertEqual(self.body(self.api({})), ["outer", "inner", "end"])

    def test_state_and_streams(self):
        self.step_of(
            "async def handler(req, c):\n"
            "    assert await c.state.get('g', 'k') is None\n"
            "    assert await c.state.set('g', 'k', {'x': 1}) == {'x': 1}\n"
            "    v = await c.state.get('g', 'k')\n"
            "    assert v['x'] == v.x == v['data']['x'] == v.get('data', {})['x'] and v.get('data', v) == v and v == {'x': 1}\n"
            "    assert 'data' not in v and v.get('y', 3) == 3\n"
            "    await c.state.set('g', 'd', {'data': 0})\n"
            "    assert (await c.state.get('g', 'd')).get('data') == 0\n"
            "    assert await c.state.get_group('g') == await c.state.getGroup('g') == [{'data': 0}, {'x': 1}]\n"
            "    assert await c.state.delete('g', 'k') == {'x': 1}\n"
            "    await c.state.clear('g')\n"
            "    assert await c.state.get_group('g') == []\n"
            "    item = await c.streams.chat.set('room', 7, {'t': 1})\n"
            "    assert item['__motia'] == {'type': 'state-stream', 'streamName': 'chat', 'groupId': 'room', 'id': '7'}\n"
            "    assert await c.streams['chat'].get('room', '7') == item == (await c.streams.chat.getGroup('room'))[0]\n"
            "    await c.streams.chat.send({'groupId': 'room', 'id': 7}, {'type': 'typing', 'data': 1})\n"
            "    return {'status': 200}\n"
        )
        self.api({})
        self.assertEqual(self.host.sent, [("chat", "room", "7", "typing", "1")])

    def test_calls_take_effect_without_await_and_their_errors_are_logged(self):
        self.step_of(
            "async def handler(req, c):\n    c.emit({'topic': 'a', 'data': 1, 'messageGroupId': 'm'})\n"
            "    c.emit({'topic': 'denied', 'data': 1})\n    return {'status': 200}\n"
        )
        self.api({})
        self.assertEqual(self.host.emitted, [("a", "1", "m")])
        self.assertIn("was not awaited: not in `emits`", self.host.logged[0][1])

    def test_host_errors_have_a_code(self):
        self.step_of(
            "import asyncio\nfrom motia import MotiaError\nasync def handler(req, c):\n"
            "    try:\n        await asyncio.create_task(c.emit({'topic': 'denied', 'data': 1}))\n"
            "    except MotiaError as error:\n        return {'status': 200, 'body': error.code}\n"
        )
        self.assertEqual(self.api({}).body.value, "denied")
        self.assertEqual(self.host.logged, [])

    def test_asyncio(self):
        self.step_of(
            "import asyncio\nasync def later(c):\n    await asyncio.sleep(0.01)\n    await c.emit({'topic': 'late', 'data': 1})\n"
            "    raise ValueError('stray')\n"
            "async def handler(req, c):\n    asyncio.create_task(later(c))\n"
            "    async with asyncio.timeout(1) if hasattr(asyncio, 'timeout') else asyncio.Lock():\n"
            "        r = await asyncio.gather(asyncio.sleep(0, 1), asyncio.to_thread(abs, -2), c.state.set('g', 'k', 3))\n"
            "    return {'status': 200, 'body': r}\n"
        )
        self.assertEqual(self.body(self.api({})), [1, 2, 3])
        self.assertEqual(self.host.emitted[0][0], "late")
        self.assertIn("ValueError: stray", self.host.logged[0][1])

    def test_a_plain_function_may_run_a_loop(self):
        self.step_of("import asyncio\nasync def f(): return 4\ndef handler(req, c):\n    return {'status': 200, 'body': asyncio.run(f())}\n")
        self.assertEqual(self.body(self.api({})), 4)

    def test_waiting_for_nothing_is_an_error(self):
        self.step_of("import asyncio\nasync def handler(req, c):\n    await asyncio.get_running_loop().create_future()\n")
        self.assertEqual(self.fails(self.api, {}).name, "Deadlock")

    def test_other_triggers(self):
        self.step_of("async def handler(*a): a[-1].logger.info('', list(a[:-1]))\n", 'config = {"name": "S", "type": "cron"}\n')
        self.handle(wit.Trigger_Cron(wit.CronTick(1)))
        self.handle(wit.Trigger_State(wit.StateChange("g", "k", None, "1")))
        self.handle(wit.Trigger_Stream(wit.StreamChange("s", "g", "i", wit.StreamAction.UPDATE, '{"a": 1}')))
        given = [json.loads(args)["data"] for _, _, args in self.host.logged]
        self.assertEqual(given[0], [])
        self.assertEqual(given[1], [{"type": "state", "group_id": "g", "item_id": "k", "old_value": None, "new_value": 1}])
        self.assertEqual(given[2][0]["event"], {"type": "update", "data": {"a": 1}})

    def test_emit_takes_options_and_gives_the_events_id(self):
        self.step_of(
            "import datetime\n"
            "async def handler(req, context):\n"
            "    event = {'topic': 't', 'data': 1, 'id': 7, 'delay': datetime.timedelta(seconds=2), 'priority': 5, 'headers': {'a': 1}}\n"
            "    first = await context.emit(event)\n"
            "    await context.emit({'topic': 't', 'at': '1970-01-01T00:01:00+00:00', 'messageGroupId': 'g', 'headers': {'a': None}})\n"
            "    await context.emit({'topic': 't', 'at': datetime.datetime(1970, 1, 2, tzinfo=datetime.timezone.utc)})\n"
            "    await context.emit({'topic': 't', 'at': 1.5})\n"
            "    await context.emit({'topic': 't', 'delay': -1})\n"
            "    return {'status': 200, 'body': [first, await context.cancel(first), context.invocation_id]}\n"
        )
        self.assertEqual(self.body(self.api()), ["event 1", True, "i"])
        first, second, third, fourth, fifth = self.host.options
        self.assertEqual((first.id, first.delay, first.priority, first.headers), ("7", 2000, 5, [("a", "1")]))
        self.assertEqual((second.at, second.delay, second.message_group_id, second.headers), (60_000, None, "g", []))
        self.assertEqual((third.at, fourth.at, fifth.delay), (86_400_000, 1500, 0))
        self.assertEqual(self.host.cancelled, ["event 1"])

    def test_wrong_options_say_what_was_expected(self):
        self.step_of(
            "import datetime, time\n"
            "HOUR = datetime.timedelta(hours=1)\n"
            "async def handler(req, context):\n"
            "    wrong = []\n"
            "    options = [{'at': at} for at in ('soon', HOUR, time.time() * 1000, float('nan'))]\n"
            "    options += [{'delay': 'long'}, {'delay': True}, {'priority': 1.5}, {'priority': 101}, {'headers': 'a'}]\n"
            "    options += [{'id': context.emit({'topic': 't'})}, {'messageGroupId': True}, {'headers': {'a': []}}]\n"
            "    for option in options:\n"
            "        try:\n"
            "            await context.emit({'topic': 't', **option})\n"
            "        except TypeError as error:\n"
            "            wrong.append(str(error))\n"
            "    try:\n"
            "        await context.cancel(context.emit({'topic': 't'}))\n"
            "    except TypeError as error:\n"
            "        wrong.append(str(error))\n"
            "    return {'status': 200, 'body': wrong}\n"
        )
        wrong = self.body(self.api())
        words = ["at"] * 4 + ["delay"] * 2 + ["priority"] * 2 + ["headers", "id", "messageGroupId", "header", "takes"]
        self.assertEqual([message.split()[1] for message in wrong], words)
        self.assertEqual(wrong[0], "emit: at must be a datetime, ISO 8601 text or seconds since 1970, but is 'soon'")
        self.assertEqual(wrong[-2], "emit: header `a` must be a text, number or UUID, but is []")

    def test_an_event_has_more_than_its_data_and_a_batch_is_a_list(self):
        config = 'config = {"name": "S", "type": "event", "subscribes": ["t"]}\n'
        self.step_of(
            "async def handler(input, context):\n"
            "    about = context.event or context.events\n"
            "    context.logger.info('seen', {'input': input, 'about': about})\n",
            config,
        )
        self.event({"n": 1})
        event = wit.Event("8", "t", '{"n": 2}', "g", [])
        self.handle(wit.Trigger_Batch([event, event]))
        one, batch = [json.loads(args) for _, _, args in self.host.logged]
        self.assertEqual(one, {"input": {"n": 1}, "about": {"id": "7", "topic": "t", "messageGroupId": None, "headers": {"h": "v"}}})
        self.assertEqual((batch["input"], batch["about"][1]["messageGroupId"]), ([{"n": 2}, {"n": 2}], "g"))

    def test_a_condition_decides_whether_the_handler_is_called(self):
        self.step_of(
            "import dataclasses, typing\n"
            "@dataclasses.dataclass\n"
            "class Config:\n    name: str\n    type: str\n    condition: typing.Callable\n"
            "async def condition(change, context):\n    return change.new_value == 2\n"
            "config = Config('S', 'state', condition)\n"
            "async def handler(change, context):\n    context.logger.info(f'ran for {change.new_value}')\n",
            "",
        )
        for value in ("1", "2"):
            self.handle(wit.Trigger_State(wit.StateChange("g", "k", None, value)))
        self.assertEqual([message for _, message, _ in self.host.logged], ["ran for 2"])
        self.assertEqual(self.config(), {"name": "S", "type": "state"})

    def test_an_error_of_a_condition_is_the_steps(self):
        config = 'config = {"name": "S", "type": "stream", "condition": lambda change: change.event.data.a}\n'
        self.step_of("def handler(change): print('called')\n", config)
        change = wit.StreamChange("s", "g", "i", wit.StreamAction.CREATE, "{}")
        self.assertEqual(self.fails(self.handle, wit.Trigger_Stream(change)).name, "AttributeError")

    def test_the_logger(self):
        self.step_of(
            "async def handler(req, c):\n    c.logger.info('a', {'x': object})\n    c.logger.warn('b', 5)\n"
            "    c.logger.error('c', {'error': ValueError('v')})\n    c.logger.debug('d \\ud800')\n    return {'status': 200}\n"
        )
        self.api({})
        levels = [level for level, _, _ in self.host.logged]
        self.assertEqual(levels, ["info", "warn", "error", "debug"])
        self.assertEqual(json.loads(self.host.logged[1][2]), {"data": 5})
        self.assertEqual(json.loads(self.host.logged[2][2])["error"]["message"], "v")
        self.assertEqual(self.host.logged[3][1], "d ?")

    def test_failures_name_the_users_lines(self):
        self.step_of(
            "def inner():\n    raise KeyError('k')\nasync def handler(req, c):\n    try:\n        inner()\n"
            "    except KeyError as e:\n        raise ValueError('v') from e\n"
        )
        failure = self.fails(self.api, {})
        self.assertEqual((failure.name, failure.message, failure.retryable, failure.retry_after), ("ValueError", "v", True, None))
        lines = failure.stack.splitlines()
        self.assertEqual(lines[:3], ["ValueError: v", '  File "steps/a_step.py", line 8, in handler', "    raise ValueError('v') from e"])
        self.assertEqual(lines[3:5], ["Caused by: KeyError: 'k'", '  File "steps/a_step.py", line 3, in inner'])
        self.assertNotIn("motia/", failure.stack)

    def test_what_steers_retries(self):
        self.step_of("import motia\nasync def handler(req, c):\n    raise eval(req.body)\n")
        self.assertFalse(self.fails(self.api, "motia.NonRetryableError('no')").retryable)
        self.assertEqual(self.fails(self.api, "motia.RetryAfterError('later', 1500)").retry_after, 1500)

    def test_nothing_escapes(self):
        self.step_of("import asyncio\nasync def handler(req, c):\n    raise eval(req.body)\n")
        for name in ("SystemExit(1)", "KeyboardInterrupt()", "asyncio.CancelledError()", "GeneratorExit()"):
            self.assertEqual(self.fails(self.api, name).name, name.split("(")[0].split(".")[-1])

    def test_the_environment_is_the_invocations(self):
        self.step_of("import os\nasync def handler(req, c):\n    return {'status': 200, 'body': dict(os.environ)}\n")
        self.assertEqual(self.body(self.api({}, A="1")), {"A": "1"})
        self.assertEqual(self.body(self.api({}, B="2")), {"B": "2"})


class Config(StepCase):
    def test_schemas(self):
        text = (
            "import dataclasses, typing\n"
            "class Model:\n    @classmethod\n    def model_json_schema(cls): return {'type': 'object', 'title': 'Model'}\n"
            "@dataclasses.dataclass\nclass Data:\n    a: int\n    b: typing.Optional[str] = None\n"
            "class Typed(typing.TypedDict):\n    tags: typing.List[str]\n"
            "config = {'name': 'S', 'type': 'api', 'bodySchema': Model, 'responseSchema': {200: Data, 201: Typed}}\n"
            "def handler(): pass\n"
        )
        self.build({STEP: text}, STEP)
        config = self.config()
        self.assertEqual(config["bodySchema"]["title"], "Model")
        self.assertEqual(config["responseSchema"]["200"]["required"], ["a"])
        self.assertEqual(config["responseSchema"]["201"]["properties"]["tags"], {"type": "array", "items": {"type": "string"}})

    def test_what_is_missing_is_said(self):
        cases = {
            "x = 1\n": "no `config`",
            "config = 5\n": "must be a dict",
            "config = {'name': 'S', 'type': 'event'}\n": "add `async def handler(input, context)`",
            "config = {'name': 'S', 'type': 'noop', 'a': {'b': [print]}}\n": "`config.a.b[0]`",
            "config = {'name': 'S', 'type': 'state', 'condition': True}\n": "must be a function of the input and the context",
            "config = {'name': 'S', 'type': 'event', 'condition': print}\n": "only state and stream steps have a condition",
        }
        for count, (text, message) in enumerate(cases.items()):
            step = f"steps/n{count}_step.py"
            self.build({step: text}, step)
            failure = self.fails(self.config)
            self.assertIn(message, failure.message)
            self.assertIn(step, failure.message)

    def test_noop_and_stream_files_need_no_handler(self):
        self.build({STEP: "config = {'name': 'S', 'type': 'noop'}\n"}, STEP)
        self.assertEqual(self.config()["type"], "noop")
        self.build({"steps/b_stream.py": "config = {'name': 'chat', 'schema': {}}\n"}, "steps/b_stream.py", "stream")
        self.assertEqual(self.config()["name"], "chat")

    def test_placeholders_stand_for_missing_variables(self):
        text = "import os\nconfig = {'name': os.environ['NAME'], 'type': 'noop', 'path': os.environ['SET']}\n"
        self.build({STEP: text}, STEP)
        self.assertIn("not set: NAME", self.fails(self.config, SET="s").message)
        config = self.config(SET="s", MOTIA_CONFIG_PLACEHOLDERS="1")
        self.assertEqual((config["name"], config["path"]), ("motia-placeholder-NAME", "s"))


if __name__ == "__main__":
    unittest.main()
