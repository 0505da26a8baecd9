"""Letters, reminders and calendars: how they are written and handed to a mail server; no records here."""
