"""The functions of streams."""

import unittest

from fake_world import wit
from step_case import StepCase

FILE = "steps/rooms_stream.py"


class Hooks(StepCase):
    def stream_of(self, text):
        return self.build({FILE: text}, FILE, kind="stream")

    def ask(self, trigger, group="g", id=None, context=None):
        response = self.handle(trigger(wit.SubscriptionRequest("rooms", group, id, context)))
        return response and response.status

    def test_the_config_says_which_functions_there_are(self):
        self.stream_of(
            "def can_access(subscription): return True\n"
            "async def leave(subscription, context): pass\n"
            'config = {"name": "rooms", "onLeave": leave, "roles": {"read": ["member"]}}\n'
        )
        expected = {"name": "rooms", "roles": {"read": ["member"]}, "canAccess": True, "onLeave": True}
        self.assertEqual(self.config(), expected)

    def test_can_access_is_given_subscription_and_context(self):
        self.stream_of(
            'config = {"name": "rooms"}\n'
            "async def can_access(subscription, auth_context):\n"
            "    return auth_context is not None and auth_context.user == subscription.group_id\n"
        )
        self.assertEqual(self.ask(wit.Trigger_CanAccess, context='{"user": "g"}'), 200)
        self.assertEqual(self.ask(wit.Trigger_CanAccess, context='{"user": "h"}'), 403)
        self.assertEqual(self.ask(wit.Trigger_CanAccess), 403)
        self.assertIn("no function `on_join`", self.fails(self.ask, wit.Trigger_Join).message)

    def test_joins_and_leaves_may_use_the_context(self):
        self.stream_of(
            "async def on_join(subscription, context, auth_context):\n"
            '    await context.state.set("in", subscription["groupId"], auth_context)\n'
            '    return {"odd": 1, "closed": {"unauthorized": True}}.get(subscription.groupId)\n'
            "async def on_leave(subscription, context):\n"
            '    await context.state.delete("in", subscription.groupId)\n'
            'config = {"name": "rooms", "onJoin": on_join, "onLeave": on_leave}\n'
        )
        self.assertEqual(self.ask(wit.Trigger_Join, "open", context='{"user":"a"}'), 200)
        self.assertEqual(self.host.values["in", "open"], '{"user":"a"}')
        self.assertEqual(self.ask(wit.Trigger_Join, "closed"), 403)
        self.assertIn("`on_join` returned a int", self.fails(self.ask, wit.Trigger_Join, "odd").message)
        self.assertIsNone(self.ask(wit.Trigger_Leave, "open"))
        self.assertNotIn(("in", "open"), self.host.values)

    def test_what_is_no_function_is_refused(self):
        self.stream_of('config = {"name": "rooms", "canAccess": "yes"}\n')
        self.assertIn("`canAccess` is a str; it must be a function", self.fails(self.config).message)
        failure = self.fails(self.handle, wit.Trigger_Authenticate(wit.AuthRequest([], "/")))
        self.assertIn("motia.config.ts", failure.message)


if __name__ == "__main__":
    unittest.main()
