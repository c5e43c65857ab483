"""The module that `componentize-py` makes a component of: the exports of the world `step`."""

import motia_entry
import wit_world

from motia import build, invoke, loop

loop.install()
_STEP = build.prepare(motia_entry)


class WitWorld(wit_world.WitWorld):
    """The exports, for the step that `motia_entry` describes."""

    def config(self):
        """The step's `config` as JSON text."""
        return invoke.read_config(_STEP)

    def handle(self, invocation):
        """Runs the handler."""
        return invoke.handle(_STEP, invocation)
