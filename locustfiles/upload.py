"""Send a body of 64 kB, which the app reads completely."""

from floodmark.load import HttpStep, ScenarioUser


class UploadUser(ScenarioUser):
    upload = HttpStep("POST", "/upload", data=b"x" * 65536, expect=b"floodmark:upload 65536")
