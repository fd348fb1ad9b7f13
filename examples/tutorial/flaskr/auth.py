"""Users: register, log in, log out."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from .db import get_db

pages = Blueprint("auth", __name__, url_prefix="/auth")
View = Callable[..., Any]


@pages.before_app_request
def recall() -> None:
    """Who this is, by the session's cookie."""
    known = session.get("user")
    g.user = None if known is None else get_db().execute("SELECT * FROM user WHERE id = ?", (known,)).fetchone()


def login_required(view: View) -> View:
    @functools.wraps(view)
    def checked(**values: Any) -> Any:
        return redirect(url_for("auth.login")) if g.user is None else view(**values)

    return checked


@pages.route("/register", methods=("GET", "POST"))
def register() -> str | Response:
    if request.method == "POST":
        name, password = request.form["name"], request.form["password"]
        if not name or not password:
            flash("A name and a password are needed.")
        else:
            try:
                with get_db() as connection:
                    connection.execute(
                        "INSERT INTO user (name, password) VALUES (?, ?)", (name, generate_password_hash(password))
                    )
            except sqlite3.IntegrityError:
                flash(f"{name} is registered already.")
            else:
                return redirect(url_for("auth.login"))
    return render_template("auth/form.html", title="Register")


@pages.route("/login", methods=("GET", "POST"))
def login() -> str | Response:
    if request.method == "POST":
        row = get_db().execute("SELECT * FROM user WHERE name = ?", (request.form["name"],)).fetchone()
        if row is not None and check_password_hash(row["password"], request.form["password"]):
            session.clear()
            session["user"] = row["id"]
            return redirect(url_for("index"))
        flash("Name or password is wrong.")
    return render_template("auth/form.html", title="Log in")


@pages.get("/logout")
def logout() -> Response:
    session.clear()
    return redirect(url_for("index"))
