"""The story of the platform, played through the gateway by three kinds of client: `python -m tests.journeys.demo`."""
