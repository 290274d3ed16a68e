"""What goes out: templates, answers and failed rows, in which nothing is ever live."""
