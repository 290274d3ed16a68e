"""Staff's workbooks: the template that is downloaded, what comes back filled in, and the answered workbook."""
