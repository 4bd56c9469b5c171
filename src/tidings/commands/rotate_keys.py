"""`tidings rotate-keys`: new keys for the vault."""

from __future__ import annotations

from tidings.commands.installation import open_database, read_settings, run, sealed_without_keys
from tidings.commands.terminal import err, out
from tidings.errors import Conflict
from tidings.settings import Settings


def rotate_keys() -> None:
    """Make a new secret key and seal every channel's credentials with it.

    Safe while Tidings runs and safe to break off and run again. Older keys stay in the key file, for backups made before; take them
    out by hand when those are gone. With TIDINGS_SECRET_KEYS: put the new key in front there, restart everything, then run this.

    [bold]Examples[/bold]

      tidings rotate-keys
    """
    given = read_settings()
    count = run(_rotate(given))
    out.print(f"Sealed the credentials of {count} channel{'' if count == 1 else 's'} with the newest key.")


async def _rotate(given: Settings) -> int:
    from tidings.channels.rotation import rotate_credentials
    from tidings.channels.vault import add_key, open_vault

    async with open_database(given) as database:
        if missing := await sealed_without_keys(given, database.url):
            raise Conflict(f"{missing} Bring it back, from a backup if need be (it is in each). No key was made; nothing was changed.")
        if given.secret_keys is None:
            add_key(given)
        else:
            err.print("The keys come from TIDINGS_SECRET_KEYS, so none is made: sealing with the first one there.")
        return await rotate_credentials(database, open_vault(given))
