"""A locustfile: users who think for an exponential time, as the machine repairman's do."""

from floodmark.load import HttpStep, StepHttpUser
from floodmark.load.controls import CONTROLS


class Thinker(StepHttpUser):
    get = HttpStep("GET", "/io", expect=b"floodmark:io")

    def wait_time(self) -> float:
        return CONTROLS.random.expovariate(1 / CONTROLS.think_time_s)
