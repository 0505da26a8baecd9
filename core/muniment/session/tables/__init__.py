"""A team's work with tables: import, matching, saved views, duplicates, merging, cleaning and undo."""
