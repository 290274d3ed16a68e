"""The finding kinds of staff's workbooks: the file, the cells as Excel left them, and each template's rules."""

from __future__ import annotations

from formats.finding_kinds import error as _error
from formats.finding_kinds import warning as _warning

FILE_KINDS = (
    _error(
        "WORKBOOK_NOT_XLSX",
        "The file is not an .xlsx workbook, nor CSV or TSV text",
        "Of .xls and .ods choose Save As, type 'Excel Workbook (.xlsx)'; of any other file ask its maker for CSV.",
    ),
    _error("WORKBOOK_DAMAGED", "The workbook is damaged", "Open it, save it again as .xlsx, and send the new file."),
    _error("WORKBOOK_ENCRYPTED", "The workbook is protected by a password", "Remove the password and send it again."),
    _error(
        "WORKBOOK_MACROS",
        "The workbook contains macros",
        "Copy the rows into a freshly downloaded template and send that.",
    ),
    _error(
        "WORKBOOK_EXTERNAL",
        "The workbook fetches data from other files or the internet",
        "Copy the rows into a freshly downloaded template, paste as values, and send that.",
    ),
    _error(
        "WORKBOOK_HOSTILE",
        "The workbook has parts that no spreadsheet program writes",
        "Copy the rows into a freshly downloaded template; if you did not make this file, tell your administrator.",
    ),
    _error(
        "WORKBOOK_TOO_LARGE",
        "The workbook is too large to be read safely",
        "Delete empty formatted rows and columns, or split the rows over several files.",
    ),
    _error("WORKBOOK_TOO_WIDE", "The sheet has far more columns than the template", "Use the template as downloaded."),
    _error(
        "WORKBOOK_TOO_MANY_ROWS", "The sheet has more rows than one upload may have", "Split it into several files."
    ),
    _error(
        "WORKBOOK_UNREADABLE",
        "The workbook could not be read within the limits of memory and time",
        "Copy the rows into a freshly downloaded template and send that.",
    ),
    _warning(
        "TEXT_ENCODING",
        "The text does not say how its letters are encoded; it was read as Windows-1252",
        "Check letters with accents in the answered workbook; export the file as UTF-8.",
    ),
    _error(
        "SHEET_MISSING",
        "No sheet of the workbook is the template's sheet",
        "Use the template as downloaded; keep its sheet and the sheet's name.",
    ),
    _warning(
        "SHEET_STRAY",
        "The workbook has another sheet, which was not read",
        "Move its rows to the template's sheet if they are meant to be uploaded.",
    ),
    _error(
        "TEMPLATE_OTHER",
        "The workbook is the template of another upload",
        "Upload it under the template it was made from.",
    ),
    _error("TEMPLATE_OUTDATED", "The workbook is an old version of the template", "Download the template again."),
    _error(
        "HEADING_NOT_FIRST",
        "The headings do not stand in the first row",
        "Delete the rows above the headings; the first row holds the headings, nothing stands above them.",
    ),
    _error("HEADING_MISSING", "A column of the template is missing", "Use the headings of the template, all of them."),
    _error("HEADING_EXTRA", "The sheet has a column the template does not have", "Delete the column."),
    _error("HEADING_RENAMED", "The heading of a column was changed", "Write the heading as the template has it."),
    _warning(
        "HEADING_ORDER",
        "The columns are not in the order of the template; they were read by their headings",
        "Nothing has to be done: cells are named as in the answered workbook, which has the template's order.",
    ),
    _error("HEADING_TWICE", "A heading stands twice", "Leave each column in once."),
    _error("SHEET_EMPTY", "The sheet holds no rows below the heading", "Fill in at least one row."),
    _error(
        "UPLOADER_UNKNOWN",
        "This person is not registered as an uploader",
        "Ask an administrator to add them with `muster uploaders add`.",
    ),
    _error(
        "SCOPE_TEMPLATE",
        "The template is not open to uploaders who are limited to one customer",
        "Ask an administrator to upload the file.",
    ),
    _error(
        "UPLOAD_WAITS",
        "The same file waits for a decision already",
        "Wait for the decision on that upload; do not send the file again.",
    ),
    _error("UPLOAD_DISCARDED", "The upload was discarded", "The reason says why; send a corrected file."),
)
"""About the file as a whole: refused before any row, but for the warnings."""

CELL_KINDS = (
    _error(
        "EXCEL_ROUNDED",
        "Excel has rounded this number: it keeps at most 15 digits",
        "Format the column as Text, then enter the number again from the original.",
    ),
    _error(
        "EXCEL_EXPONENT",
        "Excel has turned this number into exponent notation",
        "Format the column as Text, then enter the number again from the original.",
    ),
    _error(
        "EXCEL_ZEROS_LOST",
        "Excel has dropped the zeros at the start of this number",
        "Format the column as Text, then enter the number again with its zeros.",
    ),
    _error(
        "EXCEL_DATE_MADE",
        "Excel has turned this value into a date",
        "Format the column as Text, then enter the value again from the original.",
    ),
    _error(
        "EXCEL_VALUE_MADE",
        "Excel has turned this value into TRUE, FALSE or a number with decimals",
        "Format the column as Text, then enter the value again from the original.",
    ),
    _error(
        "EXCEL_PERCENT",
        "The cell shows a per cent, and holds a hundredth of it",
        "Format the cell as Text, then enter the number that is meant, without the sign for per cent.",
    ),
    _error(
        "EXCEL_SHOWN_OTHERWISE",
        "The cell shows something else than it holds",
        "Format the cell as Text, then enter what is meant.",
    ),
    _warning(
        "EXCEL_SHOWN_SHORTER",
        "The cell shows fewer digits than it holds; all of them were taken",
        "Check the number; enter it with the digits that are meant.",
    ),
    _error(
        "EXCEL_DATE_IMPLAUSIBLE",
        "The date lies before 1990 or after 2099",
        "Enter the whole date, such as 2026-03-05; Excel makes 1905-07-18 of a year alone.",
    ),
    _warning(
        "EXCEL_SERIAL_DATE",
        "The date is a bare serial number; it was read as the date Excel means by it",
        "Check the date in the answered workbook; format the column as Date.",
    ),
    _error(
        "EXCEL_DATE_UNCLEAR",
        "The date is written as text in a form that can mean two days",
        "Enter a real date, or write it as 2026-03-05.",
    ),
    _warning(
        "EXCEL_TEXT_DATE",
        "The date is written as text; it was read as the day it names",
        "Check the date in the answered workbook; enter real dates or write 2026-03-05.",
    ),
    _error("EXCEL_TIME_IN_DATE", "The date has a time of day", "Enter the date alone."),
    _error("EXCEL_FORMULA", "The cell holds a formula", "Copy the cell and paste it as values."),
    _warning("EXCEL_FORMULA_RESULT", "The cell holds a formula; its last result was used", "Paste it as values."),
    _error("EXCEL_ERROR_CELL", "The cell shows an error such as #REF! or #N/A", "Enter the value itself."),
    _error("EXCEL_MERGED", "The cell is merged with others", "Unmerge the cells and fill in each one."),
    _warning("EXCEL_HIDDEN_ROW", "The row is hidden; it was read like the others", "Show hidden rows and check them."),
    _warning(
        "EXCEL_HIDDEN_COLUMN",
        "The column is hidden; it was read like the others",
        "Show hidden columns and check them.",
    ),
    _error(
        "CELL_CHARACTERS",
        "The value has invisible or look-alike characters",
        "Delete the cell and type the value; do not paste it.",
    ),
    _warning(
        "CELL_RESPELLED",
        "The value has a character that was read as another one",
        "Check the value; type it with plain blanks and letters if something else is meant.",
    ),
    _error(
        "CELL_FORMULA_TEXT",
        "The text begins like a formula, which other programs would carry out",
        "Write it without the =, +, - or @ at its start.",
    ),
    _error("CELL_CLEAR_REFUSED", "CLEAR stands in a cell that may not be emptied", "Give a value, or leave it blank."),
    _error("CELL_DAY", "The value is not a date", "Enter a real date, or write it as 2026-03-05."),
    _error("CELL_NUMBER", "The value is not a plain number", "Write digits, with a point before the decimals."),
    _error(
        "VIN_INVALID", "The VIN / frame id has a form that no frame id has", "Read the frame id off the vehicle again."
    ),
    _error(
        "PHONE_INVALID",
        "The phone number is not an international number",
        "Write it as +919876543210, country code first.",
    ),
    _error("EMAIL_INVALID", "The e-mail address is not complete", "Write it as name@example.com."),
)
"""About cells: as the spreadsheet program left them, and values of a wrong form."""

ROW_KINDS = (
    _error("SCOPE_FORBIDDEN", "The row concerns a customer you may not change", "Ask an administrator to upload it."),
    # vehicles
    _error("VIN_UNKNOWN", "No vehicle has this frame id", "Read the frame id off the vehicle again."),
    _error(
        "VCU_UNKNOWN",
        "No unit of this VCU/VTS id is on record",
        "Check the number; if the unit was shipped, ask the vendor to configure it.",
    ),
    _error(
        "KEY_MISMATCH",
        "VIN and VCU/VTS id belong to different records",
        "Check both; the finding names what this one is bound to.",
    ),
    _error(
        "VCU_IN_USE",
        "The unit is bound to another vehicle",
        "Check the number; the finding names the frame id it is bound to.",
    ),
    _error(
        "VIN_EXISTS",
        "A vehicle with this frame id is on record already, with other values",
        "Check the frame id; vehicles on record are changed with the template Product Data Update.",
    ),
    _error(
        "VIN_PATTERN",
        "The frame id does not have the form frame ids have here",
        "Read the frame id off the vehicle again.",
    ),
    _error(
        "DEVICE_ID_IMMUTABLE",
        "The unit has another device id, and that never changes",
        "Leave the cell blank, or give the device id on record; a unit is exchanged with the template VCU Swap.",
    ),
    _error(
        "DEVICE_ID_IN_USE",
        "Another unit has this device id, and a device id belongs to its unit",
        "Read the device id off the new unit; the details name the VCU/VTS id it belongs to.",
    ),
    _error(
        "BATTERY_IN_USE",
        "The battery is bound to another vehicle",
        "Check the number; the finding names the frame id it is bound to.",
    ),
    _error(
        "MOTOR_IN_USE",
        "The motor is bound to another vehicle",
        "Check the number; the finding names the frame id it is bound to.",
    ),
    _error(
        "PHONE_IN_USE",
        "The user of another vehicle has this phone number",
        "Check the number; the finding names the frame id it belongs to.",
    ),
    _warning(
        "CUSTOMER_NOT_FOUND",
        "No customer has this name, or several have it; the vehicle's customer was not changed",
        "Copy the name as it is on record, or add the customer first, and send the row again.",
    ),
    _warning(
        "LOCATION_NOT_FOUND",
        "No location has this city, or several have it; the vehicle's location was not changed",
        "Copy the city as it is on record, or add the location first, and send the row again.",
    ),
    # customers
    _error(
        "CUSTOMER_AMBIGUOUS",
        "Several customers have this name",
        "Give the account number of the one that is meant.",
    ),
    _error(
        "ACCOUNT_RESERVED",
        "Only customers that come without an account number get one of this form",
        "Leave the account number blank, or give the customer's own.",
    ),
    _error("PARENT_UNKNOWN", "No customer has the parent's account number", "Add the parent first, in another file."),
    _error("PARENT_ITSELF", "The customer is named as its own parent", "Give the parent's account, or leave it blank."),
    # leases
    _error("LEASE_OFF", "Leases are not in use here", "Ask an administrator; subscriptions are off in the settings."),
    _warning(
        "LEASE_TERM",
        "The expiry date is not the last renewal plus the duration",
        "The row was taken as it is; check both dates.",
    ),
    _warning(
        "LEASE_ENDS_BEFORE_RENEWAL",
        "The lease expires before it was last renewed",
        "The row was taken as it is; check both dates.",
    ),
    # providers' devices
    _error(
        "CLIENT_UNKNOWN",
        "No client has exactly this name",
        "Copy the name as it is on record, capitals and blanks included, or add the client first.",
    ),
    _error(
        "CLIENT_AMBIGUOUS",
        "Several clients have this name",
        "Ask an administrator which one is meant; give them names of their own first.",
    ),
    _error(
        "FIRMWARE_TOO_OLD",
        "The firmware is below the version the platform needs",
        "Update the device to at least the version named here, then send the row again.",
    ),
    _warning(
        "FIRMWARE_NOT_LATEST",
        "The firmware is not the latest one",
        "The row was taken; update the device when you can.",
    ),
    _error("NUMBER_RANGE", "The number is too low or too high", "Keep to the range in the description of the column."),
    _error(
        "COMPANY_EXISTS",
        "A company of this name is on record already",
        "Choose 'existing', or give the new company another name.",
    ),
    _error(
        "COMPANY_UNKNOWN",
        "No company of this name is on record",
        "Correct the name, or choose 'new' to add the company with this device.",
    ),
    _error(
        "COMPANY_AMBIGUOUS",
        "Several companies have this name",
        "Ask an administrator which one is meant; give them names of their own first.",
    ),
    _warning(
        "SALES_ORDER_MISSING",
        "The sales order number is missing",
        "The row was taken; have the purchase order for the monitoring confirmed.",
    ),
    _warning(
        "SHIPPED_AFTER_START",
        "The UPS was shipped after the monitoring started",
        "The row was taken as it is; check both dates.",
    ),
    # orders
    _error(
        "DEVICE_ELSEWHERE",
        "The device is enrolled at another provider or for another customer",
        "Give the provider and customer of the device's present order; in a workbook both may be left blank.",
    ),
    _error(
        "SWAP_OTHER",
        "A swap of this order number is known with other content",
        "Give the swap an order number of its own.",
    ),
    _error(
        "VIN_PLACEHOLDER",
        "The frame id is a default one that stands for no vehicle",
        "Give the frame id of the vehicle the unit is built into.",
    ),
)
"""About rows, judged against the registry."""

NAMING_OTHERS = (
    *("KEY_MISMATCH", "VIN_EXISTS", "VCU_IN_USE", "DEVICE_ID_IN_USE", "BATTERY_IN_USE", "MOTOR_IN_USE"),
    "PHONE_IN_USE",
)
"""Their facts name another record, which may be another customer's."""

UPLOAD_KINDS = (*FILE_KINDS, *CELL_KINDS, *ROW_KINDS)
"""In the order a person meets them."""
