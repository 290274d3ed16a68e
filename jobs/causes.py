"""What an exception says to people, in one place: never empty, never a bare class name, never raw.

`cause` is for any exception, `system_error` for one of the operating system: it becomes an error of its group.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from jobs.errors import DiskFull, MusterError, PathUnusable, StorageFailed

_SHOWN = 160
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_OF_A_PERSON = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY}
    | {errno.ELOOP, errno.ENAMETOOLONG, errno.EXDEV, errno.EINVAL, errno.EMLINK}
)
_NUMBERS: Mapping[int, str] = {
    errno.ENOSPC: "no space is left",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this process may write",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the disk reports an error",
    errno.EMFILE: "this process has too many files open",
    errno.ENFILE: "this machine has too many files open",
    errno.ENOMEM: "memory ran out",
    errno.EACCES: "access is not allowed",
    errno.EPERM: "it is not permitted",
    errno.ENOENT: "there is no such file or folder",
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the other side broke the connection",
    errno.EPIPE: "the other side has closed the connection",
    errno.ETIMEDOUT: "no answer in time",
    errno.EHOSTUNREACH: "there is no way to the host",
    errno.ENETUNREACH: "there is no way to the network",
}
_KINDS: Mapping[str, str] = {  # by the name of the class: most of them are other layers' libraries'
    "NoValidConnectionsError": "the connection was refused",
    "gaierror": "the host name is not known",
    "TimeoutError": "no answer in time",
    "EOFError": "the other side ended the connection",
    "ConnectionRefusedError": "the connection was refused",
    "ConnectionResetError": "the other side broke the connection",
    "BrokenPipeError": "the other side has closed the connection",
    "ConnectionError": "the connection was lost",
    "AuthenticationException": "the login did not succeed",
    "ChannelException": "the other side opened no channel",
    "IncompatiblePeer": "the other side offers no algorithm that is allowed here",
    "SFTPError": "the other side does not keep to the SFTP protocol",
    "SSHException": "the SSH connection failed",
    "UnicodeDecodeError": "a text is not UTF-8",
    "PermissionError": "access is not allowed",
    "FileNotFoundError": "there is no such file or folder",
    "MemoryError": "memory ran out",
    "OSError": "the operation was refused",
}
_TELLS_NOTHING = frozenset({"no existing session", "socket is closed", "failure", "none", "timeout", "timed out"})


def cause(error: BaseException | None) -> str:
    """Why it failed, in words; a text of the other side is quoted and cut. Of a database error `adapters.registry`
    knows more."""
    if error is None:
        return "no reason was given"
    if isinstance(error, MusterError):
        return error.what
    if type(error) is ConnectionError and error.__cause__ is not None:  # another error in the shape of the port
        return cause(error.__cause__)
    said = _said(error)
    words = _words(error)
    if not words:
        return said or f"an error of kind {type(error).__name__} without a text"
    return f"{words} ({said})" if said else words


def system_error(error: OSError, what: str = "") -> MusterError:
    """An error of the operating system as one of a group; `what` names the place, such as "the archive"."""
    at = what or "a file of the workspace"
    if error.filename is not None:
        at = f"{what}, {_name(error.filename)}" if what else _name(error.filename)
    if error.errno in _FULL:
        return DiskFull(f"disk full at {at}: {_words(error)}", errno=error.errno)
    group = PathUnusable if error.errno in _OF_A_PERSON else StorageFailed
    return group(f"{at}: {cause(error)}", errno=error.errno)


@contextmanager
def on_disk(what: str) -> Iterator[None]:
    """Local files are touched in this block: what the operating system says becomes a MusterError that names `what`."""
    try:
        yield
    except OSError as error:
        raise system_error(error, what) from error


def printable(name: str | bytes) -> str:
    """The `repr` of a name or text that is not ours, shortened: fit for a log line, whatever it holds."""
    shown = repr(name)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in _NUMBERS:
            return _NUMBERS[error.errno]
        if error.errno in errno.errorcode and type(error).__name__ != "gaierror":
            return os.strerror(error.errno).lower()
    return next((_KINDS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _KINDS), "")


def _said(error: BaseException) -> str:
    """The error's own text, quoted, where it adds something."""
    if isinstance(error, UnicodeError):  # holds the bytes
        return ""
    text = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        text = str(error.strerror or "")
        if text.lower() in (os.strerror(error.errno).lower(), _words(error)):
            return ""
    first = next(iter(text.strip().splitlines()), "").strip().rstrip(".")
    return "" if not first or first.lower() in _TELLS_NOTHING else printable(first)


def _name(filename: object) -> str:
    return filename if isinstance(filename, str) and filename.isprintable() else printable(str(filename))
