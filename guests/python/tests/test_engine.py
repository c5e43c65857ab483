"""What the engine is made of: the samples, the kept library, the extension module."""

import importlib
import os
import shutil
import sys
import unittest

from step_case import StepCase

import make_preopens
from motia import archive, warm


class Engine(StepCase):
    def test_samples_run_without_the_host(self):
        warm.up()
        self.assertEqual((self.host.emitted, self.host.logged), ([], []))

    def test_kept_modules_are_imported_without_their_files(self):
        self.write(
            {
                "kept_package/__init__.py": "from .part import NAME\n",
                "kept_package/part.py": "NAME = __file__\n",
                "kept_module.py": "import kept_package as package\n",
                "idlelib/kept_unusable.py": "",
                "config-3/kept_unusable.py": "",
                "json.py": "1/0\n",
            },
            "library",
        )
        root = os.path.join(self.folder, "library")
        library = archive.Library(root)
        library.forget_loaded()
        self.assertEqual(sorted(library.entries), ["kept_module", "kept_package", "kept_package.part"])
        shutil.rmtree(root)
        sys.meta_path.append(library)
        module = importlib.import_module("kept_module")
        self.assertEqual(module.package.NAME, os.path.join(root, "kept_package", "part.py"))

    def test_the_extension_module_is_what_its_script_writes(self):
        self.assertEqual(make_preopens.FILE.read_bytes(), make_preopens.module())


if __name__ == "__main__":
    unittest.main()
