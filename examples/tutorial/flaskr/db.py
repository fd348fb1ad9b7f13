"""The database: one connection for each request, and ``flask init-db``."""

from __future__ import annotations

import sqlite3

import click
from flask import Flask, current_app, g
from werkzeug.security import generate_password_hash


def get_db() -> sqlite3.Connection:
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"], timeout=10)
        g.db.row_factory = sqlite3.Row
    connection: sqlite3.Connection = g.db
    return connection


def close_db(_: BaseException | None = None) -> None:
    connection: sqlite3.Connection | None = g.pop("db", None)
    if connection is not None:
        connection.close()


def register(app: Flask) -> None:
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db)


@click.command("init-db")
@click.option("--posts", default=0, help="How many posts to begin with.")
def init_db(posts: int) -> None:
    """Make the tables anew, whatever was in them."""
    connection = get_db()
    with current_app.open_resource("schema.sql", "r") as file:
        connection.executescript(file.read())
    with connection:
        connection.execute(
            "INSERT INTO user (name, password) VALUES (?, ?)",
            ("reader", generate_password_hash("reader", method="pbkdf2:sha256:1000")),
        )
        connection.executemany(
            "INSERT INTO post (author, title, body) VALUES (1, ?, ?)",
            [(f"Post {number}", "What there is to say. " * 5) for number in range(1, posts + 1)],
        )
    click.echo(f"initialized the database with {posts} posts")
