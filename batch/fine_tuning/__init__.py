"""What ``nightscribe train`` and ``evaluate`` do: labels checked and staged, a job watched."""
