"""`muster where`: one device's whole life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.exit_codes import ExitCode
from app.cli.state import Json, command

if TYPE_CHECKING:
    from datetime import tzinfo

    from rich.console import Console

    from adapters.registry.registry import Transaction


def register(app: typer.Typer) -> None:
    command(
        app,
        "where",
        "One device's whole life, by any identifier.",
        "muster where 356938035643809",
        "muster where 02-1a-2b-3c-4d-5e",
        "muster where MVH002654",
        "muster where SN00000001 --json",
        more="Takes IMEI, MEID and MAC address in any spelling, and serial numbers as they are written. "
        "A vehicle is found by its frame id, registration number or any of its parts. Also shown: what the registers "
        "of DMP, Fleet Freedom and RemotEye hold, and rows with this identifier that were refused.",
    )(where)


def where(
    ctx: typer.Context,
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="IDENTIFIER", help="Serial number, IMEI, MEID, MAC address, or a vehicle's.", show_default=False
        ),
    ],
    as_json: Json = False,
) -> None:
    from app.cli.screen import clean, messages, print_json, results
    from formats.identifiers import IDENTIFIER_COLUMNS
    from formats.traces import masked

    with ctx.obj.registry() as (registry, settings):
        with registry.view() as tx:
            written = spellings(identifier)
            lives = [_life(tx, device) for device in tx.queries.find_devices(written)]
            vehicles = tx.queries.find_vehicles([*written, identifier.strip().upper()])
            names = dict.fromkeys([*written, *(life[column] for life in lives for column in IDENTIFIER_COLUMNS)])
            registers = tx.queries.registered([name for name in names if name])
            refused = tx.queries.refusals(traced(written))
        if as_json:
            print_json({"devices": lives, "vehicles": vehicles, "registers": registers, "refused": refused})
        else:
            for life in lives:
                _show(results(), life, settings.zone)
            for vehicle in vehicles:
                _show_record(results(), f"Vehicle {vehicle.pop('vin') or 'without a frame id'}", vehicle)
            for row in registers:
                _show_record(results(), f"Register of {row.pop('register')}", row)
            _show_refused(results(), masked(written[0]), refused, settings.zone)
    if not (lives or vehicles or registers or refused):
        screen = messages()
        screen.print(f"No device has the identifier {clean(identifier)!r}.", style="bold red")
        screen.print("  Serial numbers are looked up as written. A file refused as a whole is in its run report.")
        raise typer.Exit(ExitCode.FAILED)


def spellings(text: str) -> list[str]:
    """The text itself and the canonical spellings it may stand for."""
    import pyarrow as pa

    from formats.identifiers import canonical
    from formats.schema import Kind

    written = text.strip()
    values = pa.array([written], pa.string())
    found = [canonical(kind, values)[0].as_py() for kind in (Kind.IMEI, Kind.MEID, Kind.MAC)]
    return list(dict.fromkeys([written, *found]))


def traced(written: list[str]) -> list[str]:
    """What refused rows with this identifier are kept under."""
    import pyarrow as pa

    from formats.traces import trace

    return [digest.as_py() for digest in trace(pa.array(written, pa.string()))]


def _life(tx: Transaction, device: dict[str, Any]) -> dict[str, Any]:
    from formats.enrolment import RequestType

    lines = tx.queries.device_lines(device["id"])
    answers = tx.queries.device_answers(device["id"])
    history = tx.queries.device_history(device["id"])
    for line in lines:
        line["request"] = RequestType(line["request_type"]).name
        line["deliveries"] = [asdict(delivery) for delivery in tx.files.deliveries(line.pop("file_id"))]
        line["answers"] = [answer for answer in answers if answer["order_line_id"] == line["id"]]
        line["effects"] = [event for event in history if event["order_line_id"] == line["id"]]
    return {**device, "instructions": lines, "removals": tx.queries.removals(device["id"])}


def _show(screen: Console, life: dict[str, Any], zone: tzinfo) -> None:
    from rich.text import Text

    from app.cli.screen import facts, plural, state
    from formats.enrolment import RequestType
    from formats.identifiers import DEVICE_COLUMNS, IDENTIFIER_COLUMNS

    name = next(life[column] for column in IDENTIFIER_COLUMNS if life[column])
    screen.print(Text.assemble((f"Device {name}  ", "bold"), state(life["state"])))
    shown = (*DEVICE_COLUMNS, "manufacturer", "model", "provider")
    pairs = [(column.replace("_", " "), life[column]) for column in shown]
    screen.print(facts([*pairs, ("held by order", life["order_number"])]))
    screen.print(f"\n{plural(len(life['instructions']), 'instruction')}, oldest first", style="bold")
    for line in life["instructions"]:
        title = f"  {line['request']} {line['order_number']} line {line['line_number']}  "
        screen.print(Text.assemble((title, "bold"), state(line["state"]), f"  {line['reason'] or ''}"))
        screen.print(facts(_instruction(line, zone), zone, indent=4))
    for event in life["removals"]:
        left_out = f"{RequestType(event['request_type']).name} {event['order_number']} of {event['provider']}"
        screen.print(Text.assemble((f"  Left out by {left_out}  ", "bold"), state(event["effect"])))
        screen.print(facts([("device", event["at"]), ("answer", event["file"])], zone, indent=4))


def _show_record(screen: Console, title: str, record: dict[str, Any]) -> None:
    """What uploads made of a vehicle, or put into a provider's register."""
    from app.cli.screen import clean, facts

    screen.print(clean(title), style="bold")
    screen.print(facts((name.replace("_", " "), str(value or "")) for name, value in record.items()))


def _show_refused(screen: Console, identifier: str, refused: list[dict[str, Any]], zone: tzinfo) -> None:
    """Rows that made no device; the registry keeps a digest of what they name, and where they stand."""
    from app.cli.screen import clean, facts, moment
    from formats.findings import CATALOGUE

    for item in refused:
        kind = CATALOGUE[item["code"]]
        screen.print(clean(f"Refused row with {identifier}: {item['file']}, row {item['row']}"), style="bold")
        place = f" in {item['column']}" if item["column"] else ""
        said = [("came", moment(item["received_at"], zone)), ("why", f"{kind.code}{place}: {kind.title}")]
        screen.print(facts([*said, ("what to do", kind.remedy), ("run", item["run"])]))


def _instruction(line: dict[str, Any], zone: tzinfo) -> Iterator[tuple[str, str]]:
    """What is known of one instruction, in the order it happened."""
    from app.cli.screen import clean, moment

    yield "ordered", f"{moment(line['order_date'], zone)}, customer {line['account']}, provider {line['provider']}"
    yield "from", f"{line['source_file']}, row {line['source_row']}"
    for delivery in line["deliveries"]:
        yield (
            "",
            f"came {moment(delivery['at'], zone)} as {clean(delivery['name'])}, {delivery['place'] or 'handed in'}",
        )
    if line["batch"]:
        sent = f"sent {moment(line['sent_at'], zone)}" if line["sent_at"] else "not sent"
        yield "batch", f"{line['batch']} ({line['batch_state']}), {sent}"
    for answer in line["answers"]:
        applied = "applied" if answer["applied"] else "not applied"
        yield "answer", f"{moment(answer['at'], zone)}, {answer['outcome']}, {applied} as {answer['line_state']}"
        yield "", f"in {answer['file']}, {answer['level']} record"
        yield "", ": ".join(part for part in (answer["provider_code"], answer["message"]) if part)
    for event in line["effects"]:
        yield "device", f"{moment(event['at'], zone)}, {event['effect']}"
