"""What the doctor looks at of uploaded files: whether they can be written where they are to be, read and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidings.commands.findings import Finding, bad, ok
from tidings.commands.installation import run
from tidings.errors import TidingsError

if TYPE_CHECKING:
    from tidings.settings import Settings


def look_at_files(given: Settings) -> Finding:
    """Without it nothing is lost, but messages with a file wait."""
    from tidings.files.storage import folder_of, open_storage, prove

    if not given.s3_bucket and not given.home.is_dir():
        return ok("file storage", f"{folder_of(given.home)} (made with the first upload)")
    try:
        storage = open_storage(given)
        run(prove(storage))
    except TidingsError as error:
        mend = (
            "Look at TIDINGS_S3_ENDPOINT, the bucket's name and region, and whether the key may put, get and delete there."
            if given.s3_bucket
            else "Let the user who runs Tidings write there, and make room on the disk."
        )
        return bad("file storage", error.detail, mend)
    return ok("file storage", f"written to, read and cleared: {storage.place}")
