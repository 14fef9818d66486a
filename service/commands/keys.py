"""`advisor keys`: make, list and revoke the keys that callers of the service need."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from service.refusals import Refusal, one_line_refusals

if TYPE_CHECKING:
    from service.storage.access_keys import AccessKey
    from service.storage.database import Database

ACTOR = "the command line"
ROLES = ("reader", "editor", "admin")

app = typer.Typer(help="Keys that callers of the service need.", no_args_is_help=True, rich_markup_mode=None)
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Stands in the record of who did what.")],
    role: Annotated[
        str, typer.Option(help="reader (reads), editor (uploads, compares, deletes as well), admin (keys as well).")
    ] = "editor",
    workspace: Annotated[
        str, typer.Option(help="Sees its own data sets and comparisons only; made if it is new.")
    ] = "default",
    json: Json = False,
) -> None:
    """Make a key and print it, once: only its hash is stored."""
    with one_line_refusals(), _database() as database:
        from service.access.caller import Role
        from service.access.issuing import issue_key
        from service.storage.workspaces import Workspaces

        if role not in ROLES:
            raise Refusal(f"--role {role}: expected {', '.join(ROLES)}.")
        if not workspace.strip() or not workspace.isprintable():
            raise Refusal("--workspace: expected a name.")
        issued = issue_key(database, Workspaces(database).named(workspace.strip()).id, name, Role(role), ACTOR)
        if json:
            typer.echo(json_module.dumps({**_told(issued.key), "key": issued.secret}))
        else:
            typer.echo(issued.secret)
            typer.echo(
                f"Key {issued.key.name} ({issued.key.role} of workspace {issued.key.workspace_name}), "
                f"id {issued.key.id}. It is shown this once. Send it as: Authorization: Bearer KEY",
                err=True,
            )


@app.command("list")
def list_keys(json: Json = False) -> None:
    """List the keys of every workspace, oldest first."""
    with one_line_refusals(), _database() as database:
        from service.storage.access_keys import AccessKeys

        keys = AccessKeys(database).all()
        if json:
            typer.echo(json_module.dumps([_told(key) for key in keys]))
            return
        for key in keys:
            role = f"{key.role} of {key.workspace_name}"
            revoked = f", revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at is not None else ""
            typer.echo(f"{key.id}  {key.name}  {role}, made {key.created_at:%Y-%m-%d %H:%M}{revoked}")
        if not keys:
            typer.echo("There are no keys. Make one: advisor keys create --name NAME", err=True)


@app.command()
def revoke(id: Annotated[str, typer.Argument(help="Id of the key.", metavar="ID")], json: Json = False) -> None:
    """Revoke a key. A running service notices within seconds."""
    with one_line_refusals(), _database() as database:
        from service.access.issuing import revoke_key

        try:
            named = UUID(id)
        except ValueError:
            raise Refusal(f"{id}: expected the id of a key; see advisor keys list.") from None
        key = revoke_key(database, named, ACTOR)
        typer.echo(json_module.dumps(_told(key)) if json else f"Revoked {key.name} ({key.id}).")


@contextmanager
def _database() -> Iterator[Database]:
    from service.settings import load_settings
    from service.storage.database import open_database
    from service.storage.migrate import migrate

    database = open_database(load_settings().database)
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def _told(key: AccessKey) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "name": key.name,
        "role": key.role,
        "workspace": key.workspace_name,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at is not None else None,
    }
