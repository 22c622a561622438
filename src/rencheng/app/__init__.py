"""App: settings, the composition root and the runner that turns the loop."""
