"""Loads a step into this interpreter as `motia_app` does in the engine, for the tests."""

import json
import os
import random
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import fake_world
from fake_world import wit

from motia import build, invoke


class StepCase(unittest.TestCase):
    """A test with a project of its own; the interpreter is put back afterwards."""

    def setUp(self):
        self.host = fake_world.reset()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        self.addCleanup(self._restore, dict(sys.modules), list(sys.meta_path), list(sys.path), dict(os.environ))

    @staticmethod
    def _restore(modules, meta_path, path, environment):
        for name in set(sys.modules) - set(modules):
            del sys.modules[name]
        sys.meta_path[:], sys.path[:] = meta_path, path
        os.environ.clear()
        os.environ.update(environment)

    def write(self, files, under="project"):
        """Writes files of the project by their relative path."""
        for name, text in files.items():
            path = os.path.join(self.folder, under, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(textwrap.dedent(text))

    def build(self, files, step, kind="step", site=None):
        """The step `step` of a project of `files`, not sealed; the report is in `self.report`."""
        self.write(files)
        self.step, self.report = build.evaluate(step, kind, f"{self.folder}/project", site)
        self.step.generators = [random._inst]
        return self.step

    def config(self, **environment):
        """The step's config."""
        self.host.environment = list(environment.items())
        return json.loads(invoke.read_config(self.step))

    def handle(self, trigger, **environment):
        """What the step answers to a trigger."""
        self.host.environment = list(environment.items())
        return invoke.handle(self.step, wit.Invocation("i", "trace", ["f"], 1, 0, trigger))

    def event(self, data=None, **environment):
        """Runs an event step."""
        return self.handle(wit.Trigger_Event(wit.Event("7", "t", json.dumps(data), None, [("h", "v")])), **environment)

    def api(self, body=None, kind=None, raw=b"", headers=(), query="{}", **environment):
        """Runs an api step."""
        if kind is None:
            kind, raw = wit.Body_Json(), json.dumps(body).encode()
        request = wit.Request("POST", "/p", [("id", "1")], query, list(headers), raw, kind)
        return self.handle(wit.Trigger_Api(request), **environment)

    def fails(self, call, *arguments, **more):
        """The failure that a call ends in."""
        with self.assertRaises(fake_world.Err) as caught:
            call(*arguments, **more)
        return caught.exception.value
