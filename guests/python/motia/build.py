"""Evaluates the step while the snapshot is made, and puts off what must not freeze in it.

A module whose top level reads the environment, a clock or randomness is taken out of the snapshot
together with the project modules that import it, and is evaluated at the start of each invocation
instead. See `README.md` for the report that the toolchain reads.
"""

import ast
import gc
import importlib
import importlib.machinery
import importlib.util
import json
import os
import random
import sys

from . import modules, taps, traces

_PRELOADED = """
    _strptime base64 bisect calendar collections.abc contextvars csv decimal difflib email.utils encodings.ascii
    encodings.cp1252 encodings.hex_codec encodings.idna encodings.iso8859_1 encodings.latin_1 encodings.punycode
    encodings.utf_16 encodings.utf_16_be encodings.utf_16_le encodings.utf_32 encodings.utf_8_sig fractions hashlib heapq hmac html
    html.parser http.cookies ipaddress locale operator pathlib pprint queue secrets shlex statistics
    string stringprep tempfile textwrap timeit unicodedata urllib.parse urllib.request uuid xml.etree.ElementTree
    zoneinfo
""".split()
"""What the library and users' functions import late; at run time there is no filesystem to import from."""


class Step:
    """The step of this component: its module and what was put off."""

    def __init__(self, file, kind):
        self.file = file
        self.kind = kind
        self.name = None
        """The name of the step's module."""
        self.deferred = []
        """The modules that are evaluated at the start of the invocation, sorted."""
        self.generators = []
        """Random generators that are in the snapshot and must be reseeded."""

    def module(self):
        """The step's module, evaluated now if it was put off."""
        return importlib.import_module(self.name)


class _Archive:
    """Loads installed packages that were put off from the code that the snapshot keeps."""

    def __init__(self):
        self.entries = {}

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
        code, _, origin = self.entries[module.__name__]
        module.__file__ = origin
        exec(code, module.__dict__)


def prepare(entry):
    """Evaluates the step that the generated module `entry` describes, reports, and seals the snapshot.

    Ends the build with a line on stderr if the step cannot be evaluated.
    """
    # Nothing of the build's environment may be in the artifact, not even the interpreter's settings.
    os.environ.clear()
    step = Step(entry.FILE, entry.KIND)
    site = getattr(entry, "SITE", None)
    traces.name_directory(entry.PROJECT, "")
    if site:
        traces.name_directory(site, "site-packages/")
    reads, error = [], None
    try:
        project = modules.Project(entry.PROJECT, entry.FILE)
        step.name = project.step
        others = project.follow()
    except (SyntaxError, ValueError, OSError) as failed:
        error = failed
    else:
        sys.meta_path.insert(2, project)
        with taps.Tap() as tap:
            try:
                step.module()
            except BaseException as failed:
                error = failed
            _preload(others, site)
        reads = _settle(step, project, tap.reads, site)
        if error is not None and reads and not isinstance(error, (ImportError, SyntaxError)):
            # What it read was not there, so this says nothing about the step.
            error = None
        project.sealed = True
    report = {"reads": reads, "error": _describe(error), "deferred": step.deferred}
    with open(os.path.join(os.path.dirname(entry.__file__), "motia_report.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
    if error is not None:
        print("motia-init: " + json.dumps(report), file=sys.stderr, flush=True)
        raise SystemExit(1)
    _seal(step)
    return step


def _preload(names, site):
    """Imports what project code names anywhere, then what installed packages import inside functions."""
    pending = list(_PRELOADED) + list(names)
    seen = set()
    while pending:
        for name in pending:
            seen.add(name)
            try:
                importlib.import_module(name)
            except BaseException:
                # It may be optional, or an attribute; if it is neither, the import fails where it stands.
                continue
        pending = [name for name in _late_imports(site, seen) if name not in seen]


def _late_imports(site, seen):
    """What the loaded modules of installed packages import, except commands and tests."""
    names = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not site or not file or not file.startswith(site + "/") or ("read", name) in seen:
            continue
        seen.add(("read", name))
        try:
            with open(file, "rb") as opened:
                tree = ast.parse(importlib.util.decode_source(opened.read()))
        except (OSError, SyntaxError, ValueError):
            continue
        package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
        names.update(modules.imported_names(tree, package))
    unwanted = {"__main__", "tests", "test", "testing", "unittest", "pytest", "conftest", "setuptools", "tkinter"}
    return sorted(name for name in names if not unwanted & set(name.split(".")))


def _settle(step, project, reads, site):
    """Takes the modules that read something out of the snapshot; returns the reads that count."""

    def installed(name):
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        return bool(site) and file.startswith(site + "/")

    counted, readers, packages = [], set(), set()
    for what, name, names in reads:
        top_level = names[-1] if names else ""
        if top_level in project.sources:
            readers.update(module for module in names if module in project.sources)
        elif what == "env" and installed(top_level):
            packages.add(top_level.partition(".")[0])
        else:
            # The library's own reads, and clocks and generators of packages, which are reseeded.
            continue
        entry = {"what": what, "name": name, "module": top_level}
        if entry not in counted:
            counted.append(entry)
    _add_dependents(packages, installed)
    readers.update(name for name, source in project.sources.items() if source.outside & packages)
    step.deferred = sorted(project.importers(readers)) + sorted(packages)
    _remove(project, set(step.deferred), packages)
    return counted


def _add_dependents(packages, installed):
    """Adds to `packages` the installed ones that hold something of those: it would be out of date."""
    grew = bool(packages)
    while grew:
        grew = False
        for name, module in list(sys.modules.items()):
            top = name.partition(".")[0]
            if top in packages or not installed(name):
                continue
            for value in list(vars(module).values()):
                owner = getattr(value, "__module__", None) or getattr(value, "__name__", None)
                if isinstance(owner, str) and owner.partition(".")[0] in packages:
                    packages.add(top)
                    grew = True
                    break


def _remove(project, names, packages):
    """Removes modules from the interpreter, so that the next import evaluates them."""
    archive = _Archive()
    gone = {}
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if name.partition(".")[0] in packages:
            archive.keep(name, module)
        elif getattr(spec, "loader", None) is not project or spec.loader_state not in names:
            continue
        gone[name] = module
    for name, module in gone.items():
        del sys.modules[name]
        head, _, tail = name.rpartition(".")
        holder = sys.modules.get(head)
        if holder is not None and getattr(holder, tail, None) is module:
            delattr(holder, tail)
    if archive.entries:
        sys.meta_path.append(archive)


def _describe(error):
    """The error as the report holds it."""
    if error is None:
        return None
    frames = traces.frames(error)
    file, line = frames[0][:2] if frames else (getattr(error, "filename", None), None)
    return {
        "name": type(error).__name__,
        "message": traces.message(error),
        "stack": traces.format(error),
        "file": file,
        "line": line,
        "missing": error.name if isinstance(error, ModuleNotFoundError) else None,
    }


def _seal(step):
    """Brings the interpreter into the state in which every invocation finds it."""
    sys.path.clear()
    sys.path_importer_cache.clear()
    gc.collect()
    step.generators = [found for found in gc.get_objects() if issubclass(type(found), random.Random)]
    # A collection would otherwise write to every object and so copy every page of the snapshot.
    gc.freeze()
