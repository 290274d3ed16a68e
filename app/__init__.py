"""What people start: command line, demo, console, doctor; and the wiring that knows every adapter."""
