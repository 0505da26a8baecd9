"""Who watches: evidence to take away, witnesses, alerts, questions of auditors and emergency access."""
