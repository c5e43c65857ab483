"""The module that `componentize-py` makes the engine of: the exports of the world `step`."""

import wit_world
from componentize_py_types import Err

from motia import build, engine, invoke

engine.start()

_step = None
"""The step, once the first call of `config` has loaded it."""


class WitWorld(wit_world.WitWorld):
    """The exports. The engine becomes a step by its first call of `config`."""

    def config(self):
        """Loads the step and returns the report; in an instance that has one, the step's `config` as JSON text."""
        global _step
        if _step is not None:
            return invoke.read_config(_step)
        try:
            _step, report = build.load()
        except Exception as error:
            raise Err(invoke.failure(error)) from None
        return report

    def handle(self, invocation):
        """Runs the handler."""
        return invoke.handle(_step, invocation)
