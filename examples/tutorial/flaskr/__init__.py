"""A blog with users: an application factory, two blueprints and a SQLite database in the instance folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from . import auth, blog, db


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    app = Flask(__name__, instance_relative_config=True)
    instance = Path(app.instance_path)
    app.config.from_mapping(SECRET_KEY="dev", DATABASE=str(instance / "flaskr.sqlite"))
    if config is None:
        app.config.from_pyfile("config.py", silent=True)
    else:
        app.config.from_mapping(config)
    instance.mkdir(exist_ok=True)

    @app.get("/hello")
    def hello() -> str:
        return "Hello, World!"

    db.register(app)
    app.register_blueprint(auth.pages)
    app.register_blueprint(blog.pages)
    app.add_url_rule("/", endpoint="index")
    return app
