"""The loop over a user's tasks: Locust's own, in fewer steps."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import gevent
from locust import User
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING, DefaultTaskSet


class FastTaskSet(DefaultTaskSet):
    """Locust's set of a user's tasks, which costs as much per task as a request does; everything means the same."""

    user: Any = None  # a property, in Locust's, and asked for several times per task

    def __init__(self, user: User) -> None:
        self.user = user
        super().__init__(user)

    def execute_next_task(self) -> None:
        """And those after it, until one ends in an exception: ``run`` knows what it means, and comes back for more."""
        user, queue = self.user, self._task_queue
        while True:
            tasks = user.tasks
            if not queue:
                queue.append(tasks[0] if len(tasks) == 1 else DefaultTaskSet.get_next_task(self))
            task = queue.popleft()
            if type(task) is FunctionType:
                task(user)
            else:
                DefaultTaskSet.execute_task(self, task)
            self.wait()

    def wait(self) -> None:
        """A pause of no length is a detour after a request, which let others run already."""
        user = self.user
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser
        user._state = LOCUST_STATE_WAITING
        wait_time: Callable[[], float] | None = user.wait_time
        seconds = DefaultTaskSet.wait_time(self) if wait_time is None else wait_time()
        if seconds > 0 or not user.yielded:
            gevent.sleep(seconds)
        user.yielded = False
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser
        user._state = LOCUST_STATE_RUNNING
