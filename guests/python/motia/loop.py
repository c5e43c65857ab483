"""The event loop of a step.

A step has no sockets, so the loops of `asyncio`, which wake themselves through a socket pair, do not
start. This one only sleeps between timers; the host lets other work run meanwhile.
"""

import asyncio
import gc
import time


class Deadlock(RuntimeError):
    """The handler waits for something that nothing left can bring about."""


class _Sleep:
    """Stands where `BaseEventLoop` expects a selector."""

    def select(self, timeout):
        """Sleeps until the next timer is due; there are never events."""
        if timeout is None:
            raise Deadlock("the handler awaits something that never happens: no task and no timer is left")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self):
        """Nothing to close."""


class StepLoop(asyncio.BaseEventLoop):
    """An `asyncio` loop with tasks, timers and futures, without input and output."""

    def __init__(self):
        super().__init__()
        self._selector = _Sleep()

    def _process_events(self, events):
        """There are none, see `_Sleep.select`."""

    def _write_to_self(self):
        """Nobody wakes the loop from another thread: there are no threads."""

    def run_in_executor(self, executor, function, *args):
        """Calls the function at once, for `asyncio.to_thread` and the like: there are no threads."""
        future = self.create_future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def install():
    """Makes `StepLoop` what `asyncio.run` and `asyncio.new_event_loop` use."""
    asyncio.events.new_event_loop = StepLoop
    asyncio.new_event_loop = StepLoop


def run(awaitable, on_stray_error):
    """The result of `awaitable`, once every task that it left behind has ended too.

    If it fails, the tasks are cancelled. `on_stray_error` is told of each error of a task that nobody
    awaited.
    """
    loop = StepLoop()
    asyncio.set_event_loop(loop)
    strays = []

    def note(_loop, context):
        if context.get("exception") is not None:
            strays.append(context["exception"])

    loop.set_exception_handler(note)

    async def main():
        return await awaitable

    try:
        result = loop.run_until_complete(main())
        _drain(loop, strays)
        loop.run_until_complete(loop.shutdown_asyncgens())
        return result
    except BaseException:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        _drain(loop, [])
        raise
    finally:
        # A task tells of an error that nobody asked for when it is collected.
        gc.collect()
        loop.close()
        for error in strays:
            on_stray_error(error)


def _drain(loop, errors):
    """Runs the loop until no task is left; adds their errors to `errors`."""

    async def gather(tasks):
        return await asyncio.gather(*tasks, return_exceptions=True)

    while True:
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        results = loop.run_until_complete(gather(tasks))
        errors.extend(result for result in results if isinstance(result, BaseException))
