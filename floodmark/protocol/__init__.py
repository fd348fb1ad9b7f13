"""The protocol between the conductor and the load side: settings in, journal out. Does not import Locust."""
