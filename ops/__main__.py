"""Entry point of `python -m ops`; one module per group of commands."""

import typer

from ops import topics

app = typer.Typer(help="Operates the system: topics, users and access rights.", no_args_is_help=True)
app.add_typer(topics.app, name="topics")

if __name__ == "__main__":
    app()
