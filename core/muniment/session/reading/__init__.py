"""Reading: one record, lists, the search box, history and the log, each written down first."""
