"""Receive an answer in 32 chunks of 1 kB."""

from floodmark.load import HttpStep, ScenarioUser


class StreamUser(ScenarioUser):
    stream = HttpStep("GET", "/stream", expect=b"floodmark:stream")
