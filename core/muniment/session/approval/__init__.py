"""What waits for a second person: put aside, shown, approved, refused or withdrawn."""
