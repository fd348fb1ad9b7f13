"""From scenario files and options to an ordered, estimated list of runs. Nothing is started here."""
