"""The company's side of the provider contract, as a utility company runs it to join the platform. See README.md."""
