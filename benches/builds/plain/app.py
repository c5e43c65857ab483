import json

import wit_world
from wit_world.imports import types


class WitWorld(wit_world.WitWorld):
    def config(self):
        return json.dumps({"type": "api", "name": "BenchValue", "method": "GET", "path": "/bench-value"})

    def handle(self, invocation):
        body = types.ResponseBody_Json(json.dumps({"value": 1}))
        return types.Response(status=200, headers=[], body=body)
