"""Writing: a change set is planned, waits for a second person where it must, and is committed whole."""
