"""A locustfile: users of two classes, as many of each; the requests of one take much longer than those of the other."""

from floodmark.load import HttpStep, StepHttpUser


class Light(StepHttpUser):
    weight = 1
    get = HttpStep("GET", "/", expect=b"slot")


class Heavy(StepHttpUser):
    weight = 1
    get = HttpStep("GET", "/heavy", expect=b"slot")
