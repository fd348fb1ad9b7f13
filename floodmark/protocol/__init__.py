"""The small protocol between the conductor and the load side: settings in, journal out. No Locust here."""
