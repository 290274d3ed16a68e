"""What goes out: templates, answered workbooks and failed rows, in which nothing is ever live."""
