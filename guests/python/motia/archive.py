"""Modules that are kept in memory as code, for when there is no filesystem to import them from."""

import importlib.machinery
import marshal
import os
import sys
import zlib

_UNUSABLE = frozenset(
    """__phello__ __pycache__ _pyrepl antigravity ctypes curses ensurepip idlelib pydoc_data site-packages this tkinter
    turtle turtledemo venv""".split()
)
"""Parts of the library that are of no use in a step, or lack what they are written for."""


class Archive:
    """Imports the modules whose code it keeps. It is a meta path finder and their loader."""

    def __init__(self):
        self.entries = {}
        """By name: the code, whether it is a package, and the file."""

    def keep(self, name, module):
        """Keeps the code of a loaded module."""
        code = module.__spec__.loader.get_code(name)
        self.entries[name] = (code, hasattr(module, "__path__"), module.__spec__.origin)

    def find_spec(self, fullname, path=None, target=None):
        """The importer protocol."""
        if fullname not in self.entries:
            return None
        _, package, origin = self.entries[fullname]
        return importlib.machinery.ModuleSpec(fullname, self, origin=origin, is_package=package)

    def create_module(self, spec):
        """The loader protocol: the default module."""
        return None

    def exec_module(self, module):
        """The loader protocol: evaluates the module."""
        module.__file__ = module.__spec__.origin
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, fullname):
        """The loader protocol: the module's code."""
        return self.entries[fullname][0]


class Library(Archive):
    """The modules of the standard library under `root`, compressed: a step imports few of them."""

    def __init__(self, root):
        super().__init__()
        for file, name, package in _modules(root):
            with open(file, "rb") as opened:
                code = compile(opened.read(), file, "exec", dont_inherit=True)
            self.entries[name] = (zlib.compress(marshal.dumps(code), 9), package, file)

    def forget_loaded(self):
        """Drops what the interpreter has loaded already."""
        for name in self.entries.keys() & sys.modules.keys():
            del self.entries[name]

    def get_code(self, fullname):
        """The loader protocol: the module's code."""
        return marshal.loads(zlib.decompress(self.entries[fullname][0]))


def _modules(root):
    """The modules under `root` as (file, name, whether it is a package), in one order everywhere."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _UNUSABLE and name.isidentifier())
        above = os.path.relpath(folder, root).split(os.sep) if folder != root else []
        for file in sorted(files):
            name, extension = os.path.splitext(file)
            if extension == ".py" and name not in _UNUSABLE:
                parts = above if name == "__init__" else [*above, name]
                yield os.path.join(folder, file), ".".join(parts), name == "__init__"
