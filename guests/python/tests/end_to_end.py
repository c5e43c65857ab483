"""Makes components of steps with the real `componentize-py` and runs them. Slow, so not among the unit tests.

    COMPONENTIZE_PY=.../bin/componentize-py NODE_MODULES=.../node_modules python3 end_to_end.py

`NODE_MODULES` holds `@bytecodealliance/jco`. The steps are built exactly as `README.md` says.
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


class EndToEnd(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def build(self, step, files):
        """Builds a component; returns the finished process and the report."""
        for name, text in files.items():
            path = self.folder / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        entry = self.folder / "entry"
        entry.mkdir(exist_ok=True)
        (entry / "motia_entry.py").write_text(f'FILE = "{step}"\nKIND = "step"\nPROJECT = "/2"\nSITE = None\n')
        glue = self.folder / "glue"
        shutil.copytree(HERE.parent, glue, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tests", "__pycache__"))
        no_site = self.folder / "no-site"
        (no_site / "lib/python3/site-packages").mkdir(parents=True, exist_ok=True)
        command = [COMPONENTIZE, "-q", "-d", WIT, "-w", "step", "componentize", "motia_app"]
        command += ["-p", entry, "-p", glue, "-p", self.folder / "project", "-o", self.folder / "step.wasm"]
        environment = {**os.environ, "VIRTUAL_ENV": str(no_site), "BUILD_SECRET": "of-the-build"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        report = json.loads((entry / "motia_report.json").read_text())
        return done, report

    def run_component(self, calls):
        """The results of the calls."""
        out = self.folder / "transpiled"
        jco = [f"{NODE_MODULES}/.bin/jco", "transpile", self.folder / "step.wasm", "-o", out, "--name", "step"]
        subprocess.run(jco + ["-I", "async", "--no-typescript", "-q"], check=True)
        # Node 20 knows the constant expressions of the linked interpreter only behind a flag.
        flag = "--experimental-wasm-extended-const"
        known = flag in subprocess.run(["node", "--v8-options"], capture_output=True, text=True).stdout
        node = ["node"] + [flag] * known + [HERE / "run_component.mjs", out, NODE_MODULES]
        done = subprocess.run(node, input=json.dumps(calls), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    @staticmethod
    def request(body):
        """An api trigger with a JSON body."""
        fields = {"method": "POST", "path": "/", "pathParams": [], "queryParams": "{}", "headers": []}
        return {"tag": "api", "val": {**fields, "rawBody": json.dumps(body), "body": {"tag": "json"}}}

    def test_the_readme_steps(self):
        done, report = self.build("steps/send_message_step.py", {"steps/send_message_step.py": SEND})
        self.assertEqual((done.returncode, report["error"], report["deferred"]), (0, None, []), done.stderr)
        config, sent, failed = self.run_component([{}, {"trigger": self.request({"text": "hé"})}, {"trigger": self.request({})}])
        self.assertEqual(config["ok"]["name"], "SendMessage")
        self.assertEqual(sent["emitted"], [["message.sent", {"text": "hé"}]])
        self.assertEqual(sent["ok"]["body"], {"tag": "json", "val": '{"ok":true}'})
        self.assertIn('File "steps/send_message_step.py", line 12, in handler', failed["failure"]["stack"])

        self.build("steps/process_message_step.py", {"steps/process_message_step.py": PROCESS})
        event = {"tag": "event", "val": {"topic": "message.sent", "data": '{"text":"a"}'}}
        (processed,) = self.run_component([{"trigger": event}])
        self.assertEqual((processed["ok"], processed["logged"]), (None, [["info", "Processing message", {"text": "a"}]]))

    def test_what_is_read_at_the_top_is_the_invocations(self):
        files = {
            "steps/01_deferred_step.py": DEFERRED,
            "steps/utils/keys.py": "import os\nKEY = os.environ['KEY']\n",
            "steps/utils/late.py": "def late():\n    return 'late'\n",
        }
        done, report = self.build("steps/01_deferred_step.py", files)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(report["deferred"], ["steps.01_deferred_step", "steps.utils.keys"])
        self.assertNotIn(b"of-the-build", (self.folder / "step.wasm").read_bytes())
        call = {"env": [["KEY", "k"]], "trigger": self.request({})}
        bare, held, first, second = self.run_component([{}, {"env": [["MOTIA_CONFIG_PLACEHOLDERS", "1"]]}, call, call])
        self.assertIn("not set: KEY", bare["failure"]["message"])
        self.assertEqual(held["ok"]["name"], "Deferred")
        first, second = (json.loads(result["ok"]["body"]["val"]) for result in (first, second))
        self.assertEqual((first["key"], first["late"], first["fresh"], first["env"]), ("k", "late", True, {"KEY": "k"}))
        self.assertNotEqual(first["luck"], second["luck"])

    def test_a_broken_step_fails_the_build(self):
        done, report = self.build("steps/a_step.py", {"steps/a_step.py": "config = {}\nimport nosuch\n"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("motia-init: {", done.stderr)
        self.assertEqual((report["error"]["missing"], report["error"]["line"]), ("nosuch", 2))


if __name__ == "__main__":
    unittest.main()
