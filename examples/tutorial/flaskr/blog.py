"""Posts: the newest, and to write, change and remove one's own."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from .auth import login_required
from .db import get_db

pages = Blueprint("blog", __name__)
SHOWN = 20


@pages.get("/")
def index() -> str:
    posts = get_db().execute(
        "SELECT post.*, user.name FROM post JOIN user ON user.id = post.author ORDER BY post.id DESC LIMIT ?", (SHOWN,)
    )
    return render_template("blog/index.html", posts=posts.fetchall())


@pages.route("/create", methods=("GET", "POST"))
@login_required
def create() -> str | Response:
    if request.method == "POST" and _complete():
        with get_db() as connection:
            connection.execute(
                "INSERT INTO post (author, title, body) VALUES (?, ?, ?)",
                (g.user["id"], request.form["title"], request.form["body"]),
            )
        return redirect(url_for("blog.index"))
    return render_template("blog/form.html", title="New post", post=None)


@pages.route("/<int:number>/update", methods=("GET", "POST"))
@login_required
def update(number: int) -> str | Response:
    post = _own_post(number)
    if request.method == "POST" and _complete():
        with get_db() as connection:
            connection.execute(
                "UPDATE post SET title = ?, body = ? WHERE id = ?",
                (request.form["title"], request.form["body"], number),
            )
        return redirect(url_for("blog.index"))
    return render_template("blog/form.html", title="Edit", post=post)


@pages.post("/<int:number>/delete")
@login_required
def delete(number: int) -> Response:
    _own_post(number)
    with get_db() as connection:
        connection.execute("DELETE FROM post WHERE id = ?", (number,))
    return redirect(url_for("blog.index"))


def _complete() -> bool:
    if not request.form["title"]:
        flash("A title is needed.")
    return bool(request.form["title"])


def _own_post(number: int) -> sqlite3.Row:
    post: sqlite3.Row | None = get_db().execute("SELECT * FROM post WHERE id = ?", (number,)).fetchone()
    if post is None:
        abort(404, f"There is no post {number}.")
    if post["author"] != g.user["id"]:
        abort(403)
    return post
