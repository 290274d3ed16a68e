"""Errors, grouped by what the caller does next.

* Retry     - wait and try again: the network, a busy partner, a locked file.
* Refused   - this file or batch may not go on; quarantine it and go on with the next.
* Uncertain - nobody can say whether it was done; hold it until it is settled.
* Setup     - a person must change configuration, keys or rights first.

Each error has a stable code, facts as attributes, and says what to do.
"""

from __future__ import annotations

from typing import ClassVar


class MusterError(Exception):
    """Root. `facts` never hold secrets or device identifiers."""

    code: ClassVar[str] = "MUSTER"
    remedy: ClassVar[str] = "See the log."

    def __init__(self, what: str, **facts: object) -> None:
        super().__init__(what)
        self.what = what
        self.facts = facts

    def __str__(self) -> str:
        return f"[{self.code}] {self.what}. {self.remedy}"


class Retry(MusterError):
    """Can heal by itself."""


class Refused(MusterError):
    """This file or batch stops here; others go on."""


class Uncertain(MusterError):
    """The outcome is unknown and must not be guessed."""


class Setup(MusterError):
    """A person must act before a retry makes sense."""


# --- transport -------------------------------------------------------------------------


class ChannelUnavailable(Retry):
    code = "CHANNEL_UNAVAILABLE"
    remedy = "It is tried again; if it lasts, check the network and the provider's service"


class TransferFailed(Retry):
    """The transfer broke before the final name could exist: certainly nothing was delivered."""

    code = "TRANSFER_FAILED"
    remedy = "It is tried again with the same bytes under the same name"


class DeliveryUncertain(Uncertain):
    """The connection broke at or after the rename: the file may or may not be there."""

    code = "DELIVERY_UNCERTAIN"
    remedy = "The batch is held until a listing or the provider's answer settles it"


class HostKeyRefused(Setup):
    code = "HOST_KEY_REFUSED"
    remedy = (
        "Do not connect: ask the provider by phone for its host key fingerprint, then pin it in the provider's file"
    )


class LoginRefused(Setup):
    code = "LOGIN_REFUSED"
    remedy = "Check user name and key with the provider"


class RemotePathRefused(Setup):
    """A folder is missing, or reading or writing it is not allowed."""

    code = "REMOTE_PATH_REFUSED"
    remedy = "Check the folder names and rights with the provider"


class RemoteUnsupported(Setup):
    """The other side cannot do at all what is asked of it, such as a rename."""

    code = "REMOTE_UNSUPPORTED"
    remedy = (
        "Ask the provider for an account whose server can; where only putting away fails, leave the done folder empty"
    )


class RemoteFileRefused(Refused):
    """Not a regular file, a name that is no safe name, over the size limit, or changing."""

    code = "REMOTE_FILE_REFUSED"
    remedy = "Nothing was fetched; the file stays where it is"


class NameTaken(Refused):
    """The final name existed before we sent anything: somebody else's file, or a reused name."""

    code = "NAME_TAKEN"
    remedy = "Ask the provider what the file is; nothing was overwritten"


class ArchiveDamaged(Refused):
    """An archived file is missing, or not what was kept under its digest."""

    code = "ARCHIVE_DAMAGED"
    remedy = "Nothing was sent; restore the file from a backup"


# --- OpenPGP ---------------------------------------------------------------------------


class MessageRefused(Refused):
    """A message that is not exactly one good signature by an allowed key, encrypted to us."""

    code = "MESSAGE_REFUSED"
    remedy = "The file is in quarantine; ask the provider to send it again, properly signed"


class NotSigned(MessageRefused):
    code = "NOT_SIGNED"


class SignerUnknown(MessageRefused):
    code = "SIGNER_UNKNOWN"


class SignerNotAllowed(MessageRefused):
    """A good signature, but by a key that is not pinned for this provider."""

    code = "SIGNER_NOT_ALLOWED"
    remedy = "Treat as a security event; see the runbook"


class SignatureExpired(MessageRefused):
    """The signature or the signing key has expired, or the key was revoked."""

    code = "SIGNATURE_EXPIRED"


class MessageDamaged(MessageRefused):
    """Cut, flipped, unprotected, doubled, or with bytes before or after the message."""

    code = "MESSAGE_DAMAGED"


class NotEncrypted(MessageRefused):
    code = "NOT_ENCRYPTED"


class MessageTooLarge(MessageRefused):
    code = "MESSAGE_TOO_LARGE"


class CipherUnavailable(Retry):
    """gpg or its agent failed for reasons of this machine (memory, disk, time)."""

    code = "CIPHER_UNAVAILABLE"
    remedy = "It is tried again; check free disk and memory if it lasts"


class KeyUnusable(Setup):
    """A key is missing, expired, revoked or cannot encrypt or sign."""

    code = "KEY_UNUSABLE"
    remedy = "Import or renew the key, then run `muster keys list`"


class PassphraseWrong(KeyUnusable):
    """The passphrase of our own key is missing, or another one."""

    code = "PASSPHRASE_WRONG"
    remedy = "Put the right passphrase where `passphrase` in muster.toml points, then run `muster doctor`"


class GpgMissing(Setup):
    code = "GPG_MISSING"
    remedy = (
        "Install it: apt-get install gnupg (Debian, Ubuntu), dnf install gnupg2 (Fedora), brew install gnupg (macOS)"
    )


# --- this machine and its registry -----------------------------------------------------


class DiskFull(Retry):
    """No space, no quota, or a file over the size a process may write."""

    code = "DISK_FULL"
    remedy = "Nothing is lost: make room there; it is tried again, or run the job again"


class StorageFailed(Retry):
    """Read-only, broken, too many open files: the operating system could not do it now."""

    code = "STORAGE_FAILED"
    remedy = "It is tried again; if it lasts, check the disk, its mount and the limit on open files (`muster doctor`)"


class PathUnusable(Setup):
    """A file or folder of ours is missing, in the way, or closed to us."""

    code = "PATH_UNUSABLE"
    remedy = "Check the path and its rights, then run the job again"


class ReportLater(Retry):
    """The run is closed and its report kept in the registry, but the page or the anchor could not be written."""

    code = "REPORT_LATER"
    remedy = "The work is done and recorded: the next run writes the page, or `muster report`"


class RegistryBusy(Retry):
    """Locked by another process, a deadlock, or too many connections."""

    code = "REGISTRY_BUSY"
    remedy = "It is tried again; if it lasts, look for what else works with the database"


class RegistryAway(Retry):
    """Does not answer, was restarted, or lost the connection. What was not committed is void."""

    code = "REGISTRY_AWAY"
    remedy = "It is tried again; if it lasts, check the database, and registry_url in muster.toml"


class RegistryRefused(Setup):
    """Wrong address, user or password, no such database, no right to write, another schema, or damaged."""

    code = "REGISTRY_REFUSED"
    remedy = "Check registry_url in muster.toml and the database; `muster init` brings its schema up to date"


# --- work ------------------------------------------------------------------------------


class AnswerRefused(Refused):
    """An answer that came in by HTTP cannot be read. `findings` say why; nothing of it was kept."""

    code = "ANSWER_REFUSED"
    remedy = "Nothing was kept; correct the document and send it again"


class ProviderBusy(Retry):
    code = "PROVIDER_BUSY"
    remedy = "Another run is at work there; try again when it has ended"


class StateMoved(Retry):
    """A transition found another state than it expected: another run was faster."""

    code = "STATE_MOVED"
    remedy = "Run the job again; it starts from the present state"


class NotWaiting(Setup):
    """A decision about an upload that waits for none."""

    code = "NOT_WAITING"
    remedy = "See `muster uploads`: only a HELD upload is committed or discarded"


class ConfigurationFaulty(Setup):
    """`faults` lists every fault, each with its path and remedy."""

    code = "CONFIGURATION_FAULTY"
    remedy = "Run `muster check-config` and mend each fault"


class SecretMissing(Setup):
    code = "SECRET_MISSING"
    remedy = "Provide the connection, environment variable or file the reference names"


class NotFound(Setup):
    code = "NOT_FOUND"
    remedy = "Check the name"


class RegistryBehindAnchor(Setup):
    """The registry has forgotten what was noted outside it: it was restored from a backup, or changed by hand."""

    code = "REGISTRY_BEHIND_ANCHOR"
    remedy = "No job runs until `muster recover` has dealt with it; see the runbook before you confirm"


class ProviderHeld(Setup):
    """The registry was restored, and what the provider has been sent meanwhile is not known."""

    code = "PROVIDER_HELD"
    remedy = "Nothing is sent until `muster recover release` has been told what the provider has; see the runbook"


class NotConserved(MusterError):
    """The count of devices does not add up: the most serious fault there is."""

    code = "NOT_CONSERVED"
    remedy = "Stop the jobs and see the runbook before anything else is sent"
