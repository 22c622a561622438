"""Detection: alarms from streams of readings, pure: state and batch in, state and alarms out."""
