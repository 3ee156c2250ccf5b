"""The words of the field, as pure values: nothing here reads a clock, a file or a socket."""
