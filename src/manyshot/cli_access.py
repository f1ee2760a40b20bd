"""`manyshot access`: who may come into the service. One rule: it parses and calls, as `cli` does; no secret is an
argument, since others may see the arguments of a command."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from manyshot.errors import SpecError

if TYPE_CHECKING:
    from manyshot.access.door import AccessDoor

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 80}
app = typer.Typer(
    name="access", help="Say who may come into the service.", no_args_is_help=True, context_settings=_CONTEXT
)
staff = typer.Typer(name="staff", help="Accounts of staff.", no_args_is_help=True, context_settings=_CONTEXT)
key = typer.Typer(name="key", help="API keys of programs.", no_args_is_help=True, context_settings=_CONTEXT)
signing = typer.Typer(
    name="signing", help="Keys that sign customers' tokens.", no_args_is_help=True, context_settings=_CONTEXT
)
for group in (staff, key, signing):
    app.add_typer(group)

Access = Annotated[Path, typer.Option("--access", metavar="FILE", help="Settings, as manyshot access init makes them.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
RoleOption = Annotated[
    Literal["viewer", "agent", "supervisor"], typer.Option(help="viewer looks, agent answers, supervisor does all.")
]
PasswordFile = Annotated[
    str,
    typer.Option("--password-file", metavar="FILE", help="File with the password; - is stdin. Else it is asked for."),
]
AlgorithmOption = Annotated[
    Literal["EdDSA", "RS256", "HS256"], typer.Option(help="How tokens are signed; HS256: by a shared secret.")
]
FILE = Path("access.toml")
#: Characters of a password file that are read.
_MOST = 1000


def _door(file: Path) -> AccessDoor:
    try:
        from manyshot.access.door import open_door
    except ModuleNotFoundError as error:
        raise SpecError(f"manyshot access needs {error.name}; pip install 'manyshot[serve]'") from None
    return open_door(file)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where the files are made.")] = Path(),
    db: Annotated[str, typer.Option(metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/NAME.")] = "",
    algorithm: AlgorithmOption = "EdDSA",
) -> None:
    """Make settings, a signing key and the tables."""
    try:
        from manyshot.access import settings, signing
        from manyshot.access.door import open_door
    except ModuleNotFoundError as error:
        raise SpecError(f"manyshot access needs {error.name}; pip install 'manyshot[serve]'") from None
    from manyshot.records import write_aside

    file = folder / settings.FILE
    if file.exists():
        raise SpecError(f"{file}: it is there already; change it with an editor, or choose another folder")
    if "@" in db and ":" in db.split("@")[0].partition("//")[2]:
        raise SpecError("--db: a password does not belong into a command; put the address into MANYSHOT_ACCESS_DB")
    signing.new_file(folder / settings.KEYS, algorithm)
    with write_aside(file) as stream:
        stream.write(settings.text(db or "sqlite:///access.db"))
    open_door(file).engine.dispose()
    typer.echo(f"{file}: settings; {folder / settings.KEYS}: signing keys, for nobody else's eyes")
    typer.echo(f"next: manyshot access staff add NAME --role supervisor --access {file}")


@app.command()
def token(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of the customer, as the tools know it.")],
    minutes: Annotated[int, typer.Option(min=1, help="For how long it is valid.")] = 60,
    access: Access = FILE,
) -> None:
    """Print a token for a customer, as your portal would sign it."""
    typer.echo(_door(access).tokens.issue(customer, minutes * 60))


@staff.command("add")
def staff_add(name: Name, role: RoleOption = "agent", password_file: PasswordFile = "", access: Access = FILE) -> None:
    """Make an account; the password is asked for, or read from a file."""
    door = _door(access)
    typer.echo(f"{door.accounts.add(name, role, _password(password_file))}: {role}")


@staff.command("password")
def staff_password(name: Name, password_file: PasswordFile = "", access: Access = FILE) -> None:
    """Change a password; all sessions end."""
    door = _door(access)
    door.accounts.change_password(name, _password(password_file))
    typer.echo(f"{name}: the password was changed, all sessions ended")


@staff.command("role")
def staff_role(
    name: Name,
    role: Annotated[Literal["viewer", "agent", "supervisor"], typer.Argument(metavar="ROLE")],
    access: Access = FILE,
) -> None:
    """Give another role; all sessions end."""
    _door(access).accounts.change_role(name, role)
    typer.echo(f"{name}: {role}")


@staff.command("remove")
def staff_remove(name: Name, access: Access = FILE) -> None:
    """End an account and its sessions; the name stays taken."""
    _door(access).accounts.remove(name)
    typer.echo(f"{name}: may not log in any more")


@staff.command("list")
def staff_list(access: Access = FILE) -> None:
    """List accounts."""
    for one in _door(access).accounts.everybody():
        typer.echo(f"{one.name:24} {one.role if one.active else 'removed':12} since {_day(one.made_at)}")


@key.command("add")
def key_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the program that will use it.")],
    customer: Annotated[
        str, typer.Option(metavar="ID", help="Speaks for this customer; * for any that X-Customer names.")
    ] = "",
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="For how long it is valid; else until revoked.")
    ] = None,
    access: Access = FILE,
) -> None:
    """Print a new API key. It is shown now and never again."""
    typer.echo(_door(access).keys.add(name, customer, days))


@key.command("revoke")
def key_revoke(
    which: Annotated[str, typer.Argument(metavar="KEY", help="Its name, or the part that key list shows.")],
    access: Access = FILE,
) -> None:
    """End a key."""
    typer.echo(f"{_door(access).keys.revoke(which)}: revoked")


@key.command("list")
def key_list(access: Access = FILE) -> None:
    """List keys; of a key only the public part is known."""
    now = int(time.time())
    for one in _door(access).keys.every():
        over = one.expires_at is not None and one.expires_at <= now
        state = "revoked" if one.revoked_at is not None else "expired" if over else "valid"
        until = "" if one.expires_at is None else f" until {_day(one.expires_at)}"
        whom = f" for customer {one.customer}" if one.customer else ""
        typer.echo(f"msk_{one.public}_…  {one.name:24} {state:8} since {_day(one.made_at)}{until}{whom}")


@signing.command("list")
def signing_list(access: Access = FILE) -> None:
    """List signing keys, the one that signs marked."""
    ring = _door(access).tokens.keys()
    for one in ring:
        use = "signs" if one is ring.signer else "verifies"
        typer.echo(f"{one.kid:32} {one.algorithm:6} {use}{'' if one.signs else ' (public part only)'}")


@signing.command("rotate")
def signing_rotate(algorithm: AlgorithmOption = "EdDSA", access: Access = FILE) -> None:
    """Add a key that signs from now on; the others still verify."""
    from manyshot.access.signing import rotate

    door = _door(access)
    kid = rotate(door.tokens.path, algorithm)
    door.audit.write("console", "signing.rotate", kid)
    typer.echo(f"{kid}: signs from now on; drop the old one when its last token is over")


@signing.command("drop")
def signing_drop(
    kid: Annotated[str, typer.Argument(metavar="KID", help="Id of the key.")], access: Access = FILE
) -> None:
    """Take a key out: what it signed is not valid any more."""
    from manyshot.access.signing import drop

    door = _door(access)
    drop(door.tokens.path, kid)
    door.audit.write("console", "signing.drop", kid)
    typer.echo(f"{kid}: dropped")


def _password(file: str) -> str:
    if not file:
        if not sys.stdin.isatty():
            raise SpecError("there is no terminal to ask for the password; give --password-file FILE, or - for stdin")
        return str(typer.prompt("password", hide_input=True, confirmation_prompt=True))
    try:
        text = sys.stdin.read(_MOST) if file == "-" else Path(file).read_text("utf-8")[:_MOST]
    except UnicodeDecodeError:
        raise SpecError(f"--password-file {file}: wanted text in UTF-8") from None
    lines = text.splitlines()
    if len(lines) != 1:
        raise SpecError(f"--password-file {file}: wanted one line, there are {len(lines)}")
    return lines[0]


def _day(moment: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))
