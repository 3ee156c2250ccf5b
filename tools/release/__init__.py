"""Releases: which version a build has, and its way from main to production without being built again.

`version` and `record` say what there is; `registry`, `infra` and `environment` read and write it; `rules` decides the
next action from what was read, and `steps` carries it out until none is left. docs/releases.md tells the model.
"""
