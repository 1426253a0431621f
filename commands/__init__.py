"""The commands: what the command line does, one module for each group or command."""
