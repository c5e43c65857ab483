"""Importing, and what is put off until the invocation."""

import unittest

from step_case import StepCase

CONFIG = 'config = {"name": "S", "type": "event", "subscribes": ["t"]}\n'


class Imports(StepCase):
    def test_every_import_style_reaches_the_same_module(self):
        self.build(
            {
                "steps/utils/helper.py": "VALUE = object()\n",
                "src/services/x.py": "def y(): return 5\n",
                "steps/01_odd-name_step.py": CONFIG
                + "from utils.helper import VALUE as a\nfrom .utils.helper import VALUE as b\n"
                "from steps.utils.helper import VALUE as c\nfrom src.services.x import y\n"
                "same = a is b is c and y() == 5\nasync def handler(input, context): assert same\n",
            },
            "steps/01_odd-name_step.py",
        )
        self.event()

    def test_relative_imports_climb_within_the_project(self):
        self.build(
            {
                "backend/src/orders/steps/a_step.py": CONFIG + "from ..rules import LIMIT\nasync def handler(i, c): assert LIMIT == 3\n",
                "backend/src/orders/rules.py": "LIMIT = 3\n",
            },
            "backend/src/orders/steps/a_step.py",
        )
        self.event()

    def test_modules_imported_inside_functions_run_without_files(self):
        self.build(
            {
                "steps/a_step.py": CONFIG + "async def handler(i, c):\n    from late import f\n    c.logger.info(f())\n",
                "steps/late.py": "from later import g\ndef f(): return g()\n",
                "steps/later.py": "def g(): return 'here'\n",
            },
            "steps/a_step.py",
        )
        for name in ("steps/late.py", "steps/later.py"):
            self.write({name: "raise SystemError('read again')\n"})
        self.event()
        self.assertEqual(self.host.logged[0][1], "here")

    def test_circular_imports_work(self):
        self.build(
            {
                "steps/a_step.py": CONFIG + "import one\nasync def handler(i, c): assert one.two.one is one\n",
                "steps/one.py": "import two\n",
                "steps/two.py": "import one\n",
            },
            "steps/a_step.py",
        )
        self.event()

    def test_a_file_does_not_replace_a_library_module(self):
        self.build(
            {"steps/a_step.py": CONFIG + "import json\nasync def handler(i, c): json.dumps(1)\n", "steps/json.py": "1/0\n"},
            "steps/a_step.py",
        )
        self.event()


class Deferral(StepCase):
    def test_readers_and_their_importers_are_evaluated_again(self):
        files = {
            "steps/a_step.py": CONFIG + "from settings import KEY\nimport pure\nasync def handler(i, c): c.logger.info(KEY, pure.ID)\n",
            "steps/settings.py": "import os\nKEY = os.environ['KEY']\n",
            "steps/pure.py": "import itertools\nID = 1\n",
        }
        self.build(files, "steps/a_step.py")
        self.assertEqual(self.report["deferred"], ["steps.a_step", "steps.settings"])
        self.assertEqual(self.report["reads"], [{"what": "env", "name": "KEY", "module": "steps.settings"}])
        self.assertIsNone(self.report["error"])
        self.event(KEY="tenant")
        self.assertEqual(self.host.logged[0][1], "tenant")

    def test_clocks_and_randomness_are_noticed(self):
        lines = {
            "import time\nx = time.time()": "time.time",
            "from time import monotonic as m\nx = m()": "time.monotonic",
            "from datetime import datetime\nx = datetime.now()": "datetime.now",
            "import datetime\nx = datetime.date.today()": "datetime.today",
            "import random\nx = random.randint(1, 9)": "random.getrandbits",
            "import random\nx = random.Random()": "random.seed",
            "import uuid\nx = uuid.uuid4()": "os.urandom",
            "import secrets\nx = secrets.token_hex()": "os.urandom",
            "import os\nx = 'A' in os.environ": "A",
            "import os\nx = os.getenv('B', '')": "B",
            "import os\nx = dict(os.environ)": "*",
            "import os\nos.environ['C'] = '1'": "C",
        }
        for count, (line, name) in enumerate(lines.items()):
            with self.subTest(line):
                step = f"steps/n{count}_step.py"
                self.build({step: line + "\n" + CONFIG + "async def handler(i, c): pass\n"}, step)
                self.assertIn(name, [read["name"] for read in self.report["reads"]])
                self.assertEqual(self.report["deferred"], [f"steps.n{count}_step"])

    def test_reads_inside_handlers_are_not_reads(self):
        step = "steps/a_step.py"
        self.build({step: CONFIG + "import os, time\nasync def handler(i, c): time.time(), os.environ['X']\n"}, step)
        self.assertEqual((self.report["reads"], self.report["deferred"]), ([], []))

    def test_a_package_that_reads_the_environment_is_put_off_with_its_importers(self):
        self.write({"pkg/__init__.py": "from .inner import URL\n", "pkg/inner.py": "import os\nURL = os.getenv('URL')\n"}, "site")
        step = "steps/a_step.py"
        text = CONFIG + "import pkg\nasync def handler(i, c): c.logger.info(str(pkg.URL))\n"
        self.build({step: text}, step, site=f"{self.folder}/site")
        self.assertEqual(self.report["deferred"], ["steps.a_step", "pkg"])
        self.event(URL="u")
        self.assertEqual(self.host.logged[0][1], "u")

    def test_two_invocations_differ(self):
        step = "steps/a_step.py"
        text = CONFIG + "import random\nA = random.random()\nasync def handler(i, c): c.logger.info(f'{random.random()}')\n"
        self.build({step: text}, step)
        self.event()
        self.event()
        self.assertNotEqual(self.host.logged[0][1], self.host.logged[1][1])


class BuildErrors(StepCase):
    def failing(self, files, step="steps/a_step.py"):
        self.build(files, step)
        return self.report["error"]

    def test_an_exception_names_file_and_line(self):
        error = self.failing({"steps/a_step.py": CONFIG + "from b import c\n", "steps/b.py": "x = 1\nx.y\n"})
        self.assertEqual((error["name"], error["file"], error["line"]), ("AttributeError", "steps/b.py", 2))
        self.assertIn('File "steps/a_step.py", line 2', error["stack"])

    def test_a_syntax_error_names_file_and_line(self):
        error = self.failing({"steps/a_step.py": CONFIG + "def f(\n"})
        self.assertEqual((error["name"], error["file"], error["line"]), ("SyntaxError", "steps/a_step.py", 2))

    def test_a_missing_package_is_named_even_after_a_read(self):
        error = self.failing({"steps/a_step.py": "import os\nos.getenv('A')\nimport nosuch.thing\n"})
        self.assertEqual(error["missing"], "nosuch")

    def test_an_exception_after_a_read_only_defers(self):
        self.build({"steps/a_step.py": "import os\nif not os.getenv('A'): raise ValueError('A is needed')\n" + CONFIG}, "steps/a_step.py")
        self.assertEqual(self.report["deferred"], ["steps.a_step"])
        failure = self.fails(self.config)
        self.assertIn("A is needed (read while evaluating the config, and not set: A)", failure.message)


if __name__ == "__main__":
    unittest.main()
