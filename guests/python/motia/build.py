"""Loads a step into the engine, and puts off what must not freeze in the memory that the host keeps.

A module whose top level reads the environment, a clock or randomness is taken out of the memory together
with the project modules that import it, and is evaluated at the start of each invocation instead. See
`README.md` for the report that the toolchain reads.
"""

import ast
import contextlib
import importlib
import importlib.util
import json
import os
import sys

from . import engine, invoke, modules, preopens, taps, traces, warm
from .archive import Archive

_ENTRY, _PROJECT, _SITE = "/0/entry.json", "/2", "/3"
"""What the host mounts: which file to load, a copy of the project, and installed packages if there are any."""


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
        """Random generators that are in the memory and must be reseeded."""

    def module(self):
        """The step's module, evaluated now if it was put off."""
        return importlib.import_module(self.name)


def load():
    """Evaluates the step that the host has mounted and seals the memory; returns the step and the report as JSON text."""
    with open(_ENTRY, encoding="utf-8") as file:
        entry = json.load(file)
    sys.path.clear()
    step, report = evaluate(entry["file"], entry["kind"], _PROJECT, _SITE if os.path.isdir(_SITE) else None)
    text = json.dumps(report)
    _seal(step)
    return step, text


def evaluate(file, kind, root, site):
    """Evaluates the step `file` of the project under `root`; returns the step and the report."""
    # Nothing of the build's environment may be in the artifact, not even the interpreter's settings.
    os.environ.clear()
    step = Step(file, kind)
    traces.name_directory(root, "")
    if site:
        traces.name_directory(site, "site-packages/")
        sys.path.insert(0, site)
    reads, error = [], None
    try:
        project = modules.Project(root, file)
        step.name = project.step
        others = project.follow()
    except (SyntaxError, ValueError, OSError) as failed:
        error = failed
    else:
        sys.meta_path.insert(2, project)
        tap = taps.Tap()
        try:
            with tap:
                step.module()
        except BaseException as failed:
            error = failed
        _preload(tap, others, site)
        reads = _settle(step, project, tap.reads, site)
        if error is not None and reads and not isinstance(error, (ImportError, SyntaxError)):
            # What it read was not there, so this says nothing about the step.
            error = None
        project.sealed = True
    return step, {"reads": reads, "deferred": step.deferred, "error": _describe(error)}


def _preload(tap, names, site):
    """Imports what project code names anywhere, then what installed packages import inside functions."""
    pending = list(names)
    seen = set()
    while pending:
        for name in pending:
            seen.add(name)
            # It may be optional, or an attribute; if it is neither, the import fails where it stands.
            with contextlib.suppress(BaseException), tap:
                importlib.import_module(name)
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
    """Takes the modules that read something out of the memory; returns the reads that count."""

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
    kept = Archive()
    gone = {}
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if name.partition(".")[0] in packages:
            kept.keep(name, module)
        elif getattr(spec, "loader", None) is not project or spec.loader_state not in names:
            continue
        gone[name] = module
    for name, module in gone.items():
        del sys.modules[name]
        head, _, tail = name.rpartition(".")
        holder = sys.modules.get(head)
        if holder is not None and getattr(holder, tail, None) is module:
            delattr(holder, tail)
    if kept.entries:
        sys.meta_path.append(kept)


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
    """Brings the memory into the state in which every invocation finds it."""
    sys.path.clear()
    sys.path_importer_cache.clear()
    # The tap has made all code due for a check at its next run; what has run here, no invocation has to write to.
    with contextlib.suppress(Exception):
        # A step that has changed the library to its taste may make this fail, and does without.
        warm.up()
        invoke.refresh(step)
    os.environ.clear()
    # What is buffered would be printed by each invocation.
    invoke.flush()
    step.generators = engine.generators + engine.freeze()
    # The files that the C library has open, and its directories, are this instance's.
    preopens.reset()
