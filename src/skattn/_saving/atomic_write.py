"""Files that are written whole or not at all."""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path


def write_whole(path, content, check):
    """Write bytes to a new file, check it, and let it take the place of an old one.

    Parameters
    ----------
    path : str or path
        Where to write; of a symbolic link, the file that it names is replaced.
    content : bytes
        What to write.
    check : callable
        Called with the path of the new file before the old one is replaced. If it raises an
        error, or anything else fails, the old file stays and the new one is deleted.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(f"{str(path)!r} is not a regular file. Save to a path of its own.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to save {path.name!r} in. Make it first."
        )
    new = path.with_name(f".skattn-{secrets.token_hex(8)}.tmp")
    try:
        with open(new, "xb") as file:
            with suppress(FileNotFoundError):
                shutil.copymode(path, new)  # before anything that others must not read
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        check(new)
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
