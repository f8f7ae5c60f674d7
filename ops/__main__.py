"""Entry point of `python -m ops`; one module per group of commands."""

import sys

import typer

from ops import databases, dlq, errors, partners, read_model, requests, topics, users

app = typer.Typer(
    help="Operates the system: topics, users, partners, ACLs, quotas, dead letters.",
    no_args_is_help=True,
    add_completion=False,
    # A plain traceback shows no values, which may be secrets.
    pretty_exceptions_enable=False,
)
app.add_typer(topics.app, name="topics")
app.add_typer(users.app, name="users")
app.add_typer(partners.app, name="partners")
app.add_typer(dlq.app, name="dlq")
app.add_typer(requests.app, name="requests")
app.add_typer(read_model.app, name="read-model")
app.add_typer(databases.app, name="databases")


def main() -> None:
    """Run a command; what an operator can correct ends it with a sentence and status 1, not with a traceback."""
    errors.listen()
    try:
        app()
    except Exception as error:
        text = errors.explain(error)
        if text is None:
            raise
        sys.exit(f"ops: {text}")


if __name__ == "__main__":
    main()
