"""What the backend promises beyond the recorded exchanges: `./backend manage test`."""
