"""The company side of the provider contract: what a utility company runs to be on the platform. See README.md."""
