"""The whole platform on one machine: starts servers and deployables as processes, imports no deployable."""
