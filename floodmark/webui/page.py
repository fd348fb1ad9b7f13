"""Locust's web UI with a Saturation tab, its CSV, and a page of live charts. Without ours, Locust's stays whole."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request
from markupsafe import Markup

from floodmark.report.html import assets, charts, over_time, series, symbols
from floodmark.report.html.palette import on_white
from floodmark.webui.state import Live, structure

KEY = "saturation"
QUANTILE = "p50"
"""Known after few answers; a tail takes more than the first visits have."""
LINK = (
    '<a href="./saturation" data-testid="live-link" style="position:fixed;left:1rem;bottom:1rem;z-index:9;'
    f'padding:.5rem .8rem;border-radius:6px;background:{on_white()["focus"]};color:#fff;font:14px sans-serif">'
    "Live charts of the search</a>"
)
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'"
)


def install(web_ui: Any, name: str, think_time_s: float, base_path: str | None) -> Live:
    """Add it all to Locust's own Flask app; what is returned takes down the ramps and is what the pages show."""
    live = Live(name, think_time_s)
    web_ui.template_args["extended_tabs"] = [{"title": "Saturation", "key": KEY}]
    web_ui.template_args["extended_tables"] = [{"key": KEY, "structure": structure()}]
    web_ui.template_args["extended_csv_files"] = [
        {"href": "./saturation/steps.csv", "title": "Download saturation steps CSV"},
        {"href": "./saturation", "title": "Live charts of the search"},
    ]
    # All now: while a search is under way, reading files or compiling a template makes the generator late.
    library_js = "\n".join([*assets.library(), assets.template("charts.js")]).encode()
    _page(live)
    pages = Blueprint(KEY, __name__, url_prefix=base_path or None)

    @pages.route("/saturation")
    @web_ui.auth_required_if_enabled  # type: ignore[untyped-decorator]
    def page() -> Response:
        answer = Response(_page(live), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    @pages.route("/saturation/library.js")
    @web_ui.auth_required_if_enabled  # type: ignore[untyped-decorator]
    def library() -> Response:
        answer = Response(library_js, mimetype="text/javascript")
        answer.headers["Cache-Control"] = "max-age=3600"
        return answer

    @pages.route("/saturation/state.json")
    @web_ui.auth_required_if_enabled  # type: ignore[untyped-decorator]
    def state() -> Response:
        known = (request.args.get(name, 0, type=int) for name in ("run", "visits", "seconds"))
        return _json(live.snapshot(*known))

    @pages.route("/saturation/steps.csv")
    @web_ui.auth_required_if_enabled  # type: ignore[untyped-decorator]
    def visits() -> Response:
        answer = Response(live.csv(), mimetype="text/csv")
        answer.headers["Content-Disposition"] = "attachment; filename=steps.csv"
        return answer

    web_ui.app.register_blueprint(pages)

    @web_ui.app.after_request  # type: ignore[untyped-decorator]
    def add(response: Response) -> Response:
        if response.status_code != 200:
            return response
        if request.path.endswith("/stats/requests") and response.is_json:
            response.set_data(
                json.dumps({**(response.json or {}), "extended_stats": [{"key": KEY, "data": live.table()}]})
            )
        elif request.endpoint is not None and request.endpoint.endswith(".index") and not response.direct_passthrough:
            response.set_data(response.get_data(as_text=True).replace("</body>", f"{LINK}</body>"))
        return response

    return live


def _json(data: Any) -> Response:
    return Response(json.dumps(data, separators=(",", ":"), allow_nan=False), mimetype="application/json")


def _page(live: Live) -> str:
    nothing = charts.Scales()
    names = [live.name]
    specs = {
        "goodput": charts.goodput(names, nothing, {}),
        "latency": charts.latency(names, nothing, {}, QUANTILE),
        "pulse": over_time.pulse(),
    }
    return assets.environment().get_template("live.html.j2").render(
        name=live.name,
        css=Markup(assets.template("page.css")),
        symbols=[symbols.symbol(live.name, 0)],
        quantiles=series.QUANTILES,
        quantile=QUANTILE,
        script=Markup(assets.template("live.js")),
        specs=Markup(assets.script_json(specs)),
        facts=live.facts(),
    )  # fmt: skip
