"""Notices what a module reads at its top level that must not freeze in the memory of the step.

The environment is watched through `os.environ`; clocks and random generators, which are written in C,
through the interpreter's profile hook, so that nothing has to be patched and no user's
`from time import time` keeps a stand-in.
"""

import datetime
import os
import random
import sys

_CLOCKS = frozenset(
    "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns localtime gmtime ctime strftime".split()
)
_DATES = frozenset(("now", "utcnow", "today"))
_RANDOM = frozenset(("random", "getrandbits", "seed"))
_WATCHED = _CLOCKS | _DATES | _RANDOM | {"urandom", "getrandom"}

PLACEHOLDER = "motia-placeholder-"
"""What a variable reads as, before its name, when placeholders are on."""


class Tap:
    """Records reads while it is installed: `reads` holds `(what, name, modules)`.

    `modules` are the names of the modules whose code was running on behalf of the top level that is
    being evaluated, innermost first; the last is that module itself.
    """

    def __init__(self, placeholders=False):
        self.reads = []
        self.placeholders = placeholders

    def __enter__(self):
        os.environ.__class__ = _Environ
        _Environ.tap = self
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)
        _Environ.tap = None
        os.environ.__class__ = _PLAIN

    def variables(self):
        """The names of the variables that were read, sorted."""
        return sorted({name for what, name, _ in self.reads if what == "env"})

    def record(self, what, name, frame):
        """Notes one read."""
        modules = []
        while frame is not None:
            module = frame.f_globals.get("__name__")
            if module and module not in modules:
                modules.append(module)
            if frame.f_code.co_name == "<module>":
                break
            frame = frame.f_back
        self.reads.append((what, name, tuple(modules)))

    def _profile(self, frame, event, function):
        if event != "c_call":
            return
        name = function.__name__
        if name not in _WATCHED:
            return
        owner = getattr(function, "__self__", None)
        module = getattr(function, "__module__", None)
        if name in _CLOCKS and module == "time":
            self.record("clock", f"time.{name}", frame)
        elif name in _DATES and isinstance(owner, type) and issubclass(owner, datetime.date):
            self.record("clock", f"datetime.{name}", frame)
        elif name in _RANDOM and isinstance(owner, random.Random):
            self.record("random", f"random.{name}", frame)
        elif module == "posix" and name in ("urandom", "getrandom"):
            self.record("random", f"os.{name}", frame)


_PLAIN = type(os.environ)


class _Environ(_PLAIN):
    """`os.environ` while a tap is installed. Writes count as reads: they must be repeated as well."""

    tap = None

    def _note(self, name):
        if self.tap is not None:
            # Two frames up is the caller of the mapping's method.
            self.tap.record("env", name, sys._getframe(2))

    def __getitem__(self, key):
        self._note(str(key))
        try:
            return super().__getitem__(key)
        except KeyError:
            if self.tap is not None and self.tap.placeholders and isinstance(key, str):
                return PLACEHOLDER + key
            raise

    def __setitem__(self, key, value):
        self._note(str(key))
        super().__setitem__(key, value)

    def __iter__(self):
        self._note("*")
        return super().__iter__()

    def __len__(self):
        self._note("*")
        return super().__len__()
