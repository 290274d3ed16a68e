"""Run reports of invented companies, for the tests of the report page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from jobs.runs import (
    BatchFacts,
    Bucket,
    Conservation,
    ConservationCheck,
    ExpectationResult,
    FileFacts,
    FindingCount,
    Job,
    Run,
    RunReport,
    RunStatus,
    Step,
    Validation,
)

STARTED = datetime(2026, 3, 5, 14, 30, 0, tzinfo=UTC)
DIGEST = "9f2c41d07be8a36515c0ffee0badc0de9f2c41d07be8a36515c0ffee0badc0de"


def rich() -> RunReport:
    """A response run with several batches and files, findings, and a validation that failed."""
    run = Run("scheduled-20260305T143000", Job.RESPONSE, "northwind", "scheduler", STARTED, status=RunStatus.PARTLY)
    return RunReport(
        run=run,
        ended_at=STARTED + timedelta(minutes=1, seconds=12),
        title="Device enrolment response – Northwind Enrolment",
        totals={"read": 12_480, "passed": 12_431, "failed": 49, "applied": 12_386, "duplicate": 45, "quarantined": 1},
        steps=_steps(),
        files=_files(),
        batches=_batches(),
        findings=_findings(),
        validations=(_validation(),),
        conservation=_conservation(),
    )


def not_conserved() -> RunReport:
    report = rich()
    broken = ConservationCheck("lines sent = lines answered + lines waiting", 31_204, 31_202)
    checks = (*report.conservation.checks, broken)
    return replace(
        report,
        run=replace(report.run, status=RunStatus.FAILED),
        conservation=replace(report.conservation, checks=checks),
    )


def dry_run() -> RunReport:
    run = Run(
        "manual-7f3a", Job.REQUEST, "fabrikam", "a.meyer@example.com", STARTED, True, "SO-1001", None, RunStatus.DONE
    )
    return RunReport(
        run=run,
        ended_at=STARTED + timedelta(seconds=3),
        title="Device enrolment request – Fabrikam Devices",
        totals={"read": 240, "passed": 240, "failed": 0, "sent": 0},
        steps=(Step("check", 240, "240 lines of order SO-1001 pass every check"), Step("seal", 0, "dry run")),
        files=(),
        batches=(BatchFacts("FABRIKAM-000042", "CREATING", 240, 1, 0, "", "", {}),),
        findings=(),
        validations=(),
        conservation=Conservation((Bucket("waiting", 240),), (ConservationCheck("buckets = ordered", 240, 240),)),
    )


def empty() -> RunReport:
    run = Run("scheduled-20260305T144500", Job.ORDER_DISPATCH, None, "scheduler", STARTED, status=RunStatus.NOTHING)
    return RunReport(run, STARTED, "Order dispatch", {}, (), (), (), (), (), Conservation((), ()))


def hostile() -> RunReport:
    """Markup in every text that a person or partner can choose."""
    evil = "<script>alert(1)</script>\"'><img src=https://example.com/x.png onerror=alert(1)>"
    report = rich()
    return replace(
        report,
        run=replace(report.run, id=evil, provider=evil, actor=evil, order=evil[:32], batch=evil[:40]),
        title=evil,
        totals={evil: 1},
        steps=(Step(evil, 1, evil, {evil: 1}),),
        files=(FileFacts(evil, evil, evil, 1, 1, 0, 0, evil),),
        batches=(BatchFacts(evil, evil, 2, 1, 1, evil, evil, {evil: 1}),),
        findings=(FindingCount(evil, "CELL_EMPTY", 1, (1,)),),
        validations=(Validation(evil, evil, 1, False, (ExpectationResult(evil, evil, False, 1, 1),)),),
        conservation=Conservation((Bucket(evil, 1),), (ConservationCheck(evil, 1, 2),)),
    )


def _steps() -> tuple[Step, ...]:
    return (
        Step("repair", 0, "no batch was left half way by an earlier run"),
        Step("fetch", 3, "3 new files, 1 known already", {"listed": 5, "new": 3, "known": 1, "not settled": 1}),
        Step("open", 2, "2 files opened and verified, 1 set aside", {"opened": 2, "quarantined": 1}),
        Step("apply", 12_386, "12,386 lines answered in 2 files", {"enrolled": 12_290, "rejected": 51, "review": 45}),
        Step("move", 3, "3 files moved to the done folder"),
    )


def _files() -> tuple[FileFacts, ...]:
    return (
        FileFacts("NWE-RESP-000117.pgp", "APPLIED", DIGEST, 9_912, 9_870, 0, 42, ""),
        FileFacts("NWE-RESP-000118.pgp", "APPLIED", DIGEST[::-1], 2_568, 2_516, 49, 3, ""),
        FileFacts(
            "NWE-RESP-000119-corrected-second-attempt.pgp",
            "QUARANTINED",
            DIGEST[8:] + DIGEST[:8],
            0,
            0,
            0,
            0,
            "SIGNER_NOT_ALLOWED: a good signature, but by a key that is not pinned for this provider",
        ),
    )


def _batches() -> tuple[BatchFacts, ...]:
    name = "northwind-OUT-{:06d}.pgp".format
    return (
        BatchFacts(
            "NORTHWIND-000231",
            "CLOSED",
            10_000,
            412,
            21_463_857_130_221,
            DIGEST,
            name(231),
            {"ENROLLED": 9_981, "REJECTED": 19},
        ),
        BatchFacts(
            "NORTHWIND-000232",
            "ANSWERED",
            3_150,
            77,
            6_731_220_941_007,
            DIGEST[::-1],
            name(232),
            {"ENROLLED": 2_309, "REJECTED": 32, "REVIEW": 45},
        ),
        BatchFacts("NORTHWIND-000233", "UNCERTAIN", 1_204, 12, 2_580_114_300_918, DIGEST, name(233), {}),
    )


def _findings() -> tuple[FindingCount, ...]:
    return (
        FindingCount("NWE-RESP-000118.pgp", "ANSWER_LINE_UNKNOWN", 31, (17, 18, 19, 44, 102)),
        FindingCount("NWE-RESP-000118.pgp", "CELL_LENGTH", 18, (7, 9, 201, 202, 203)),
        FindingCount("NWE-RESP-000117.pgp", "ANSWER_CODE_UNKNOWN", 42, (5, 6, 8, 12, 13)),
        FindingCount("NWE-RESP-000118.pgp", "ANSWER_CODE_UNKNOWN", 3, (88, 91, 1_204)),
        FindingCount("NWE-RESP-000118.pgp", "ANSWER_SEQUENCE_GAP", 1, ()),
    )


def _validation() -> Validation:
    results = (
        ExpectationResult("expect_column_values_to_not_be_null", "line_number", True, 2_568, 0),
        ExpectationResult("expect_column_values_to_match_pattern", "line_number", True, 2_568, 0),
        ExpectationResult("expect_column_values_to_be_in_set", "outcome", True, 2_568, 0),
        ExpectationResult("expect_column_value_lengths_to_be_between", "message", False, 2_568, 18),
        ExpectationResult("expect_column_values_to_not_be_null", "device_id, level", True, 2_541, 0),
        ExpectationResult("expect_column_values_to_be_unique", "line_number", True, 2_568, 0),
    )
    return Validation("NWE-RESP-000118.pgp", "generic_response", 2_568, False, results)


def _conservation() -> Conservation:
    counts = {
        "waiting": 1_310,
        "sealed": 0,
        "sent": 18_816,
        "enrolled": 70_412,
        "unenrolled": 3_120,
        "unchanged": 611,
        "rejected": 902,
        "review": 245,
        "cancelled": 88,
    }
    total = sum(counts.values())
    return Conservation(
        tuple(Bucket(name, count) for name, count in counts.items()),
        (
            ConservationCheck("sum of buckets = devices ordered", total, total),
            ConservationCheck("lines in sealed batches = sum of trailer counts", 94_194, 94_194),
        ),
    )
