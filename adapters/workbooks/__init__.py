"""Staff's workbooks, read in a child process with limits."""
