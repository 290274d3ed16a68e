"""Findings: one fault or warning each, with a stable code and a place, never a raw value.

The catalogue, here and in `formats.upload_findings`, is the only place where a finding's severity and
texts are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from formats.finding_kinds import FindingKind, Severity
from formats.finding_kinds import error as _error
from formats.finding_kinds import warning as _warning
from formats.upload_findings import UPLOAD_KINDS

__all__ = ["CATALOGUE", "FINDINGS_SCHEMA", "Finding", "FindingKind", "Severity", "no_findings"]


@dataclass(frozen=True)
class Finding:
    """One fault in one file. `row` is the row of the source file, counted from 1."""

    code: str
    row: int | None = None
    column: str | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def kind(self) -> FindingKind:
        return CATALOGUE[self.code]


FINDINGS_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("column", pa.string()),
        pa.field("code", pa.string(), nullable=False),
    ]
)
"""Many findings at once: one Arrow row each, `row` as in :class:`Finding`."""


def no_findings() -> pa.Table:
    return FINDINGS_SCHEMA.empty_table()


_KINDS = (
    # cells
    _error("CELL_EMPTY", "A required value is missing", "Fill the cell in and send the row again."),
    _error(
        "CELL_NOT_EMPTY", "A value stands where this request type allows none", "Clear the cell and send the row again."
    ),
    _error(
        "CELL_PATTERN",
        "The value has characters or a form that is not allowed",
        "Compare the cell with the example in the format description or in the note at the heading.",
    ),
    _error(
        "CELL_LENGTH",
        "The value is too short or too long",
        "Keep to the length in the format description or in the note at the heading.",
    ),
    _error(
        "CELL_CHOICE",
        "The value is not one of the allowed ones",
        "Use one of the values that the format description or the drop-down of the cell lists.",
    ),
    _error("CELL_DATE", "The value is not a date and time in UTC", "Write it as 2026-03-05 or 2026-03-05T14:30:00Z."),
    _error("CELL_INTEGER", "The value is not a whole number", "Write digits only."),
    _error(
        "IMEI_INVALID",
        "The IMEI is not 15 digits with a right check digit",
        "Read the 15 digits off the device or box again.",
    ),
    _error(
        "MEID_INVALID",
        "The MEID is not 14 hexadecimal digits starting at A0, nor 14 or 18 decimal digits",
        "Read the MEID off the device or box again.",
    ),
    _error("MAC_INVALID", "The MAC address is not six hexadecimal pairs", "Write it as 02:1A:2B:3C:4D:5E."),
    _error(
        "SERIAL_INVALID",
        "The serial number has characters that no serial number has",
        "Read the serial number off the device or box again.",
    ),
    _error(
        "IDENTIFIER_PLACEHOLDER",
        "The value stands where an identifier is missing; it is no device's own",
        "Read the identifier off the device or box; leave the cell blank if the device has another one.",
    ),
    # rows
    _error(
        "ROW_COLUMNS", "The row has more or fewer cells than the heading", "Check quotes and delimiters in this row."
    ),
    _error(
        "ROW_QUOTES",
        "A quote in the row is not closed, or text follows behind a closed one",
        "Put a cell with quotes into quotes and double the inner ones, or leave them out; the next line was read as a "
        "row.",
    ),
    _error(
        "ROW_DUPLICATE",
        "The same value stands in several rows of this file, and only one row may have it",
        "Leave it in once; we cannot know which of the rows is meant.",
    ),
    _error("DEVICE_UNIDENTIFIED", "The row names no device", "Give a serial number, IMEI, MEID or MAC address."),
    _error("DATE_ORDER", "A date lies before the one it must follow", "Correct the earlier or the later date."),
    # rows, judged against the registry
    _error(
        "CUSTOMER_UNKNOWN",
        "No customer has this account number",
        "Correct the account number or add the customer first.",
    ),
    _error(
        "CUSTOMER_NOT_AT_PROVIDER",
        "The customer has no organisation id at this provider",
        "Ask the customer for the organisation id and record it.",
    ),
    _error("PROVIDER_UNKNOWN", "No provider of this name is configured", "Correct the name or configure the provider."),
    _error(
        "ORDER_LINE_CHANGED",
        "This order line is known with other content",
        "Use request type OV (override) to change an order.",
    ),
    _error(
        "ORDER_HEADER_MISMATCH",
        "Order date, customer, provider or PO differ from the order as known",
        "Use request type OV (override) to change an order.",
    ),
    _error(
        "DEVICE_CONFLICT",
        "The identifiers of this row belong to different devices, or differ from those on record",
        "Check each identifier; one of them is another device's.",
    ),
    _error(
        "DEVICE_ON_OTHER_ORDER",
        "The device is enrolled, or on its way, through another order",
        "Return it first, or correct the identifier.",
    ),
    _error(
        "RETURN_NOT_ENROLLED",
        "The device to return was never ordered or enrolled",
        "Check the identifier; only an enrolled device can be returned.",
    ),
    _error(
        "RETURN_ORDER_NUMBER_REUSED",
        "The return has the order number of the original order",
        "Give the return its own order number, for example with an RE- prefix.",
    ),
    _error(
        "RETURN_BEFORE_ORDER",
        "The return is dated before the order it returns",
        "Correct the order date of the return.",
    ),
    _error(
        "ORDER_RETURNED",
        "A device of the order was returned, so the order can neither be voided nor overridden",
        "Return its other devices too, or void the return first.",
    ),
    _error("ORDER_UNKNOWN", "No order of this number is known to void or override", "Check the order number."),
    _error(
        "PROVIDER_REFUSES_LINE",
        "The line breaks a rule of this provider",
        "See the provider's page for its limits and required values.",
    ),
    # lines, before they are sent
    _error(
        "ORDER_HELD_BACK",
        "Another line of this override or void may not be sent, so none of them is",
        "Mend the line that has a finding of its own, and send the instruction again for the whole order.",
    ),
    _error(
        "ORDER_TOO_LARGE",
        "The override or void has more lines than one batch of this provider may have",
        "Raise the limit if the provider agrees to it, or split the order into smaller ones and send it again.",
    ),
    _error(
        "SENT_BEFORE_RESTORE",
        "The provider has this line from before the registry was restored from a backup",
        "Ask the provider what became of it; it is not sent again.",
    ),
    # files
    _error(
        "FILE_UNREADABLE",
        "The file cannot be read as the format it claims to be",
        "Send it again; if it fails again, ask the sender to check its export.",
    ),
    _error("FILE_ENCODING", "The file is not UTF-8 text", "Export it as UTF-8."),
    _error("FILE_EMPTY", "The file holds no records", "Send a file with at least one record."),
    _error(
        "FILE_HEADING",
        "The heading lacks a column, or has one that is not known or doubled",
        "Use the headings of the format description, each once.",
    ),
    _error(
        "FILE_RECORD_COUNT",
        "The number of records is not the number the file claims",
        "The file is incomplete or was changed; ask for it again.",
    ),
    _error(
        "FILE_NAME_REFUSED",
        "The name of the remote file is not one this provider may use",
        "Nothing was fetched; ask the provider to use the agreed names.",
    ),
    _warning(
        "FILE_GONE_AFTER_READING",
        "The server shows the file no more, once it was read",
        "Nothing is lost: it was read whole and is in the archive. Some servers hand a file out once.",
    ),
    _warning(
        "FILE_NAME_UNEXPECTED",
        "A file lies there under a name that nobody reads",
        "Rename it as agreed, unpack it, or take it away.",
    ),
    _warning(
        "FILE_UNSETTLED",
        "A file has gone on changing for longer than it may",
        "Ask whoever writes it; it is read when its size and time rest.",
    ),
    _warning(
        "FILE_TIMES_UNRELIABLE",
        "A file was read although its time changes at every look: two readings agreed",
        "Ask whoever runs the server why it shows the present time for every file.",
    ),
    # generic format
    _error(
        "GENERIC_HEADER",
        "The H record is missing, doubled or not of this version",
        "Ask the sender for format version 1.",
    ),
    _error(
        "GENERIC_TRAILER", "The T record is missing, doubled or malformed", "The file is incomplete; ask for it again."
    ),
    _error(
        "GENERIC_RECORD", "A D record cannot be read", "Ask the sender to check the file against the published schema."
    ),
    _error(
        "TRAILER_RECORD_COUNT",
        "The trailer's record count is not the number of D records",
        "The file is incomplete or was changed; ask for it again.",
    ),
    _error(
        "TRAILER_ORDER_COUNT",
        "The trailer's order count is not the number of orders",
        "The file is incomplete or was changed; ask for it again.",
    ),
    _error(
        "TRAILER_HASH_TOTAL",
        "The trailer's hash total does not fit the identifiers",
        "The file is incomplete or was changed; ask for it again.",
    ),
    _error(
        "TRAILER_DIGEST",
        "The trailer's SHA-256 does not fit the D records",
        "The file is incomplete or was changed; ask for it again.",
    ),
    # answers
    _error(
        "ANSWER_PROVIDER",
        "The answer names another provider than the one that signed it",
        "Treat as a security event: see the runbook.",
    ),
    _error(
        "ANSWER_BATCH_UNKNOWN",
        "The answer is for a batch that was never sent to this provider",
        "Ask the provider which file it answers.",
    ),
    _error(
        "ANSWER_SEQUENCE_REUSED",
        "The answer's sequence number was used before by another file",
        "Ask the provider for a correctly numbered file.",
    ),
    _error(
        "ANSWER_SEQUENCE_MISSING",
        "The answer has the sequence number 0; they count from 1",
        "Ask the provider for a numbered file.",
    ),
    _warning(
        "ANSWER_SEQUENCE_GAP",
        "One or more answer files before this one have not arrived",
        "Ask the provider for the missing files.",
    ),
    _error(
        "ANSWER_LINE_UNKNOWN",
        "The answer names a device or order that was not in the batch",
        "Ask the provider; nothing was changed for it.",
    ),
    _error(
        "ANSWER_LINE_DOUBLED",
        "The answer has more than one result for a device",
        "The device was put into review; ask the provider which one holds.",
    ),
    _warning(
        "ANSWER_CODE_UNKNOWN",
        "The provider's code is not in the code table",
        "The line is in review; find out what the code means.",
    ),
    _warning(
        "ANSWER_CODE_CONTRADICTS",
        "The provider's code and outcome say different things",
        "The line is in review; ask the provider.",
    ),
    _warning(
        "ANSWER_OUTCOME_CONTRADICTS",
        "The outcome is none that this instruction can have",
        "The line is in review; ask the provider what became of the device.",
    ),
    _warning(
        "ANSWER_ENVELOPE_DISAGREES",
        "The result of an order or delivery does not fit its devices' results",
        "The devices' results were applied; tell the provider.",
    ),
    _warning(
        "ANSWER_LEAF_MISSING",
        "An order or delivery is reported done without results for its devices",
        "The devices wait for their own results; ask the provider.",
    ),
    _warning(
        "ANSWER_OVERRIDE_PARTIAL",
        "An override failed for some devices; a device it did not keep may be removed or not",
        "The device's line is in review; ask the provider, or send the override again.",
    ),
    _warning(
        "ANSWER_CONTRADICTS",
        "A settled line got a different result later",
        "The first result stands; ask the provider which one holds.",
    ),
)

CATALOGUE: Mapping[str, FindingKind] = {kind.code: kind for kind in (*_KINDS, *UPLOAD_KINDS)}
