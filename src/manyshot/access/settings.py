"""access.toml: where the keys and tables are, who is believed, how fast somebody may ask.

One rule: it holds no secret, so that it may be read by anybody who may read the service's settings.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from manyshot.config import access_database, override
from manyshot.errors import SpecError

FILE, KEYS = "access.toml", "signing-keys.json"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    database: str = Field(
        "sqlite:///access.db", description="sqlite:///FILE beside this file, or postgresql://USER@HOST/NAME"
    )
    signing_keys: str = Field(KEYS, description="file of the keys that sign customers' tokens, beside this file")
    audience: str = Field("manyshot", min_length=1, description="whom tokens must be for (aud)")
    issuer: str = Field("", description="who must have issued tokens (iss); empty: anybody with a key")
    longest_token: int = Field(86_400, gt=0, description="seconds that a token may be valid for, at most")
    https: bool = Field(False, description="whether browsers reach the service by https, if need be through a proxy")
    proxies: tuple[str, ...] = Field((), description="networks whose X-Forwarded-For is believed")
    portals: tuple[str, ...] = Field((), description="origins, as https://my.example.com, that may sign a customer in")
    customer_rate: float = Field(5, gt=0, description="requests a second of one customer, in the long run")
    customer_burst: int = Field(30, gt=0, description="requests of one customer at once")
    key_rate: float = Field(50, gt=0, description="requests a second of one API key, in the long run")
    key_burst: int = Field(100, gt=0, description="requests of one API key at once")
    address_rate: float = Field(100, gt=0, description="requests a second from one address, in the long run")
    address_burst: int = Field(300, gt=0, description="requests from one address at once")

    @field_validator("proxies")
    @classmethod
    def _networks(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        for one in found:
            ipaddress.ip_network(one, strict=False)
        return found

    @field_validator("portals")
    @classmethod
    def _origins(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        for one in found:
            parts = urlsplit(one)
            if parts.scheme not in ("https", "http") or not parts.netloc or one != f"{parts.scheme}://{parts.netloc}":
                raise ValueError(f"{one} is no origin, as https://my.example.com")
        return found


class Place(BaseModel):
    """Settings, and where the files that they name are."""

    model_config = ConfigDict(frozen=True)

    file: Path
    settings: Settings

    @property
    def keys(self) -> Path:
        return self.file.parent / self.settings.signing_keys

    @property
    def database(self) -> str:
        """As MANYSHOT_ACCESS_DB says, else as the settings do; a file of SQLite lies beside them."""
        address = access_database(self.settings.database)
        kind, slashes, rest = address.partition(":///")
        if kind.startswith("sqlite") and slashes and rest and not rest.startswith("/"):
            return f"{kind}:///{(self.file.parent / rest).absolute()}"
        return address


def read(file: Path) -> Place:
    """The settings in a file. Raises SpecError."""
    if not file.is_file():
        raise SpecError(f"{file}: there is no such file; manyshot access init makes one, or name yours with --access")
    return Place(file=file, settings=override(Settings(), file=file))


_TEXT = """# Who may come in, see docs/access.md. No secret stands here.
database = "{database}"   # a password belongs into MANYSHOT_ACCESS_DB
signing_keys = "{keys}"
audience = "manyshot"          # tokens must be for it
https = false                  # true: behind https, where cookies never go any other way
# proxies = ["10.0.0.0/8"]               # whose X-Forwarded-For is believed
# portals = ["https://my.example.com"]   # sites of yours that sign customers in
"""


def text(database: str) -> str:
    """What a new file holds."""
    return _TEXT.format(database=database.replace("\\", "\\\\").replace('"', '\\"'), keys=KEYS)
