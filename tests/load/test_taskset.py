"""Our loop over a user's tasks against Locust's own: the same tasks, in the same order, whatever they do."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from locust import TaskSet, User, task
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser

from floodmark.load import LeanHttpUser

Script = Callable[[list[str]], dict[str, Any]]


def tasks_in_turn(said: list[str]) -> dict[str, Any]:
    @task(3)
    def often(user: User) -> None:
        said.append("often")

    @task
    def seldom(user: User) -> None:
        said.append("seldom")

    return {"often": often, "seldom": seldom}


def one_task(said: list[str]) -> dict[str, Any]:
    @task
    def only(user: Any) -> None:
        said.append("only")
        if len(said) == 3:
            user.tasks = [after]

    def after(user: User) -> None:
        said.append("after")

    return {"only": only}


def a_task_that_puts_another_first(said: list[str]) -> dict[str, Any]:
    def urgent(user: User) -> None:
        said.append("urgent")

    @task
    def plans(user: Any) -> None:
        said.append("plans")
        user._taskset_instance.schedule_task(plans)
        user._taskset_instance.schedule_task(urgent, first=True)

    return {"plans": plans}


def tasks_that_end_in_exceptions(said: list[str]) -> dict[str, Any]:
    errors = [RuntimeError("a bug"), RescheduleTask(), RescheduleTaskImmediately(), None, KeyError("another")]

    @task
    def ends(user: User) -> None:
        said.append("ends")
        error = errors[len([s for s in said if s == "ends"]) % len(errors)]
        if error is not None:
            raise error

    return {"ends": ends}


def a_nested_set(said: list[str]) -> dict[str, Any]:
    class Inner(TaskSet):
        @task
        def inside(self) -> None:
            said.append("inside")
            if len(said) % 3 == 0:
                raise InterruptTaskSet

        def on_stop(self) -> None:
            said.append("left")

    @task
    def outside(user: User) -> None:
        said.append("outside")

    return {"tasks": [Inner, outside]}


@pytest.mark.parametrize(
    "script",
    [tasks_in_turn, one_task, a_task_that_puts_another_first, tasks_that_end_in_exceptions, a_nested_set],
    ids=lambda script: script.__name__,
)
def test_a_user_of_ours_does_what_a_user_of_locust_s_does(script: Script) -> None:
    assert _said(LeanHttpUser, script) == _said(User, script)


def _said(base: type[User], script: Script) -> list[str]:
    said: list[str] = []

    def wait_time(user: User) -> float:
        said.append("waits")
        if len(said) > 60:
            raise StopUser
        return 0.0

    user_class = type(
        "Scripted",
        (base,),
        {
            "host": "http://127.0.0.1:1",
            "wait_time": wait_time,
            "on_stop": lambda _: said.append("stops"),
            **script(said),
        },
    )
    random.seed(7)
    user_class(Environment(user_classes=[user_class])).run()
    return said
