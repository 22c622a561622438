"""Web: the HTTP face — API, server-sent events and the console's build."""
