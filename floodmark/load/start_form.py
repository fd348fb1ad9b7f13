"""Our fields of Locust's start form, which are options of its command line too: scenario and SLO."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from locust.argument_parser import LocustArgumentParser

from floodmark.errors import UsageError
from floodmark.protocol.load_settings import LoadSettings, read_settings
from floodmark.protocol.target_switch import TargetSwitch
from floodmark.search.settings import SearchSettings, parse_slo

SLO = "slo"
SCENARIO = "scenario"


def add_fields(parser: LocustArgumentParser) -> None:
    """A field for each; the scenario only where somebody can bring up another target."""
    parser.add_argument(
        "--slo",
        default="",
        type=_slo,
        env_var="FLOODMARK_SLO",
        help='floodmark: also find the rate of arrivals that keeps a latency, "5x" or "250ms"',
    )
    settings = read_settings()
    if settings.choices:
        parser.add_argument(
            "--scenario",
            choices=sorted(settings.choices),
            default=settings.scenario,
            help="floodmark: whose target is brought up, and how it is searched",
        )


def _slo(text: str) -> str:
    try:
        if text:
            parse_slo(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"--slo {text!r}: {error}") from error
    return text


def with_slo(settings: LoadSettings, text: str) -> LoadSettings:
    """The settings with the command line's SLO, where it has one."""
    if not text:
        return settings
    return dataclasses.replace(settings, search=dataclasses.replace(settings.search, slo=parse_slo(text)))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a form asks for."""

    scenario: str
    search: SearchSettings


class Form:
    """Reads what was chosen, and sees to it that the target is up."""

    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self._up = settings.scenario
        self._switch = TargetSwitch(settings.switch) if settings.switch is not None else None

    def read(self, form: Mapping[str, str]) -> Chosen:
        """Raises UsageError for what cannot be used, in words for the form."""
        name = form.get(SCENARIO) or self._up
        search = self._settings.search
        if name != self._settings.scenario:
            if name not in self._settings.choices or self._switch is None:
                raise UsageError(f"there is no scenario {name!r} here")
            search = self._settings.choices[name]
        text = form.get(SLO, "").strip()
        if text:
            try:
                search = dataclasses.replace(search, slo=parse_slo(text))
            except ValueError as error:
                raise UsageError(f"--slo {text!r}: {error}") from error
        if name != self._up and self._switch is not None:
            refused = self._switch.ask(name)
            if refused:
                self._up = ""
                raise UsageError(refused)
            self._up = name
        return Chosen(name, search)
