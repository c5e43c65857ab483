"""Makes the engine with the real `componentize-py`, loads steps into it and runs them. Slow, so not among the unit tests.

    COMPONENTIZE_PY=.../bin/componentize-py NODE_MODULES=.../node_modules python3 end_to_end.py

`NODE_MODULES` holds `@bytecodealliance/jco`. The engine is made and used exactly as `README.md` says.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
WIT = HERE.parents[2] / "wit"
COMPONENTIZE = os.environ.get("COMPONENTIZE_PY", "componentize-py")
NODE_MODULES = os.environ.get("NODE_MODULES", "node_modules")

SEND = """\
config = {
    "name": "SendMessage",
    "type": "api",
    "path": "/messages",
    "method": "POST",
    "emits": ["message.sent"]
}

async def handler(req, context):
    await context.emit({
        "topic": "message.sent",
        "data": {"text": req.body["text"]}
    })
    return {"status": 200, "body": {"ok": True}}
"""

PROCESS = """\
config = {
    "name": "ProcessMessage",
    "type": "event",
    "subscribes": ["message.sent"]
}

async def handler(input, context):
    context.logger.info("Processing message", input)
"""

DEFERRED = """\
import asyncio, os, random, time
from utils.keys import KEY
STARTED = time.time()
LUCK = random.random()
config = {"name": "Deferred", "type": "api", "path": "/d", "method": "GET"}

async def handler(req, context):
    from utils.late import late
    await asyncio.gather(asyncio.sleep(0.01), context.emit({"topic": "t", "data": None}))
    age = time.time() - STARTED
    return {"status": 200, "body": {"key": KEY, "late": late(), "fresh": age < 60, "luck": LUCK, "env": dict(os.environ)}}
"""

REMIND = """\
import datetime

config = {
    "name": "Remind",
    "type": "event",
    "subscribes": ["order.created"],
    "infrastructure": {"queue": {"batch": {"size": 10}}}
}

async def handler(orders, context):
    due = datetime.datetime(2030, 1, 31, 9, tzinfo=datetime.timezone.utc)
    plain = await context.emit({"topic": "reminder.due", "data": orders, "at": "2030-01-31T09:00:00", "priority": -5})
    event = {"topic": "reminder.due", "data": None, "id": "r", "headers": {"why": "hé"}, "messageGroupId": "g"}
    await context.emit({**event, "at": due})
    await context.emit({**event, "delay": 1.5})
    context.logger.info(context.invocation_id, {"id": plain, "cancelled": await context.cancel(plain), "events": context.events})
"""

WATCH = """\
async def is_last(change, context):
    return change.new_value is None

config = {"name": "Watch", "type": "state", "groupId": "orders", "condition": is_last}

async def handler(change, context):
    context.logger.info(change.item_id, change.old_value)
"""

READER = """\
import os, wave, pure
print("evaluated")
HERE = os.path.dirname(__file__)
with open(f"{HERE}/words.txt") as file:
    WORDS = file.read()
config = {"name": "Reader", "type": "api", "path": "/r", "method": "GET"}

async def handler(req, context):
    import importlib
    print("handled")
    late = importlib.import_module("sch" + "ed")
    with open(f"{HERE}/more.txt") as file:
        return {"status": 200, "body": [WORDS, file.read(), late.__name__, pure.NAME, req.body.a]}
"""


class EndToEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        folder = pathlib.Path(folder.name)
        glue, no_site, engine, cls.engine = folder / "glue", folder / "no-site", folder / "engine.wasm", folder / "engine"
        glue.mkdir()
        shutil.copy(HERE.parent / "motia_app.py", glue)
        shutil.copytree(HERE.parent / "motia", glue / "motia", ignore=shutil.ignore_patterns("__pycache__"))
        (no_site / "lib/python3/site-packages").mkdir(parents=True)
        command = [COMPONENTIZE, "-q", "-d", WIT, "-w", "step", "componentize", "motia_app", "-p", glue, "-o", engine]
        subprocess.run(command, env={**os.environ, "VIRTUAL_ENV": str(no_site)}, check=True)
        jco = [f"{NODE_MODULES}/.bin/jco", "transpile", engine, "-o", cls.engine, "--name", "engine"]
        subprocess.run(jco + ["-I", "async", "--no-typescript", "-q"], check=True)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, under, files):
        """Writes files; returns the directory that holds them."""
        for name, text in files.items():
            path = self.folder / under / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(self.folder / under)

    def run_step(self, step, files, calls, packages=None):
        """Loads a step; returns the report and the results of the calls."""
        entry = self.write("entry", {"entry.json": json.dumps({"file": step, "kind": "step"})})
        mounts = {"/0": entry, "/1": self.write("empty", {".keep": ""}), "/2": self.write("project", files)}
        if packages:
            mounts["/3"] = self.write("packages", packages)
        # Node 20 knows the constant expressions of the linked interpreter only behind a flag.
        flag = "--experimental-wasm-extended-const"
        known = flag in subprocess.run(["node", "--v8-options"], capture_output=True, text=True).stdout
        node = ["node"] + [flag] * known + [HERE / "run_component.mjs", self.engine, NODE_MODULES]
        given = json.dumps({"mounts": mounts, "calls": calls})
        done = subprocess.run(node, input=given, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.said = done.stderr
        given = json.loads(done.stdout)
        # Times of files leave some bytes in memory that has been freed.
        self.assertLess(given["differ"], 1000)
        return given["report"], given["results"]

    @staticmethod
    def request(body):
        """An api trigger with a JSON body."""
        fields = {"method": "POST", "path": "/", "pathParams": [], "queryParams": "{}", "headers": []}
        return {"tag": "api", "val": {**fields, "rawBody": json.dumps(body), "body": {"tag": "json"}}}

    @staticmethod
    def event(data, **more):
        """An event with a JSON text."""
        return {"id": "7", "topic": "message.sent", "data": data, "headers": [["h", "v"]], **more}

    def test_the_readme_steps(self):
        calls = [{}, {"trigger": self.request({"text": "hé"})}, {"trigger": self.request({})}]
        report, results = self.run_step("steps/send_message_step.py", {"steps/send_message_step.py": SEND}, calls)
        self.assertEqual(report, {"reads": [], "deferred": [], "error": None})
        config, sent, failed = results
        self.assertEqual(config["ok"]["name"], "SendMessage")
        self.assertEqual(sent["emitted"], [["message.sent", {"text": "hé"}]])
        self.assertEqual(sent["ok"]["body"], {"tag": "json", "val": '{"ok":true}'})
        self.assertIn('File "steps/send_message_step.py", line 12, in handler', failed["failure"]["stack"])
        self.assertIn('"data": {"text": req.body["text"]}', failed["failure"]["stack"])

        trigger = {"tag": "event", "val": self.event('{"text":"a"}')}
        _, (processed,) = self.run_step("steps/process_message_step.py", {"steps/process_message_step.py": PROCESS}, [{"trigger": trigger}])
        self.assertEqual((processed["ok"], processed["logged"]), (None, [["info", "Processing message", {"text": "a"}]]))

    def test_a_batch_and_what_emit_takes(self):
        batch = {"tag": "batch", "val": [self.event("1"), self.event("2", messageGroupId="g")]}
        _, (done,) = self.run_step("steps/remind_step.py", {"steps/remind_step.py": REMIND}, [{"trigger": batch}])
        self.assertEqual(done["ok"], None)
        self.assertEqual(done["emitted"][0], ["reminder.due", [1, 2]])
        due = 1_896_080_400_000
        more = {"id": "r", "headers": [["why", "hé"]], "messageGroupId": "g"}
        expected = [{"at": due, "priority": -5, "headers": []}, {"at": due, **more}, {"delay": 1500, **more}]
        self.assertEqual(done["options"], expected)
        level, message, args = done["logged"][0]
        self.assertEqual((level, message, args["id"], args["cancelled"]), ("info", "1", "event 1", True))
        first = {"id": "7", "topic": "message.sent", "messageGroupId": None, "headers": {"h": "v"}}
        self.assertEqual(args["events"], [first, {**first, "messageGroupId": "g"}])

    def test_a_condition_of_a_state_step(self):
        changes = [{"groupId": "orders", "key": "k", "oldValue": "1", **new} for new in ({"newValue": "2"}, {})]
        calls = [{}] + [{"trigger": {"tag": "state", "val": change}} for change in changes]
        _, (config, kept, deleted) = self.run_step("steps/watch_step.py", {"steps/watch_step.py": WATCH}, calls)
        self.assertEqual(config["ok"], {"name": "Watch", "type": "state", "groupId": "orders"})
        self.assertEqual((kept["logged"], deleted["logged"]), ([], [["info", "k", {"data": 1}]]))

    def test_what_is_read_at_the_top_is_the_invocations(self):
        files = {
            "steps/01_deferred_step.py": DEFERRED,
            "steps/utils/keys.py": "import os\nKEY = os.environ['KEY']\n",
            "steps/utils/late.py": "def late():\n    return 'late'\n",
        }
        call = {"env": [["KEY", "k"]], "trigger": self.request({})}
        calls = [{}, {"env": [["MOTIA_CONFIG_PLACEHOLDERS", "1"]]}, call, call]
        report, (bare, held, first, second) = self.run_step("steps/01_deferred_step.py", files, calls)
        self.assertEqual(report["deferred"], ["steps.01_deferred_step", "steps.utils.keys"])
        self.assertIn("not set: KEY", bare["failure"]["message"])
        self.assertEqual(held["ok"]["name"], "Deferred")
        first, second = (json.loads(result["ok"]["body"]["val"]) for result in (first, second))
        self.assertEqual((first["key"], first["late"], first["fresh"], first["env"]), ("k", "late", True, {"KEY": "k"}))
        self.assertNotEqual(first["luck"], second["luck"])

    def test_files_output_library_and_packages_outlive_the_load(self):
        files = {"steps/r_step.py": READER, "steps/words.txt": "of the build"}
        included = self.write("included", {"steps/more.txt": "of the call"})
        call = {"mounts": {"/2": included}, "trigger": self.request({"a": 1})}
        report, (read,) = self.run_step("steps/r_step.py", files, [call], {"pure/__init__.py": "NAME = 'pure'\n"})
        self.assertEqual(report, {"reads": [], "deferred": [], "error": None})
        self.assertEqual(json.loads(read["ok"]["body"]["val"]), ["of the build", "of the call", "sched", "pure", 1])
        # It was loaded twice and called once.
        self.assertEqual(self.said.split(), ["evaluated", "evaluated", "handled"])

    def test_the_report_has_the_error_of_a_broken_step(self):
        report, _ = self.run_step("steps/a_step.py", {"steps/a_step.py": "config = {}\nimport nosuch\n"}, [])
        self.assertEqual((report["error"]["missing"], report["error"]["line"]), ("nosuch", 2))


if __name__ == "__main__":
    unittest.main()
