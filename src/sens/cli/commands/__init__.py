"""Declarations of the sub-commands: names, options and help. What they do is in the modules beside this package."""
