"""The command line of whoever operates the system: `python -m ops --help`."""
