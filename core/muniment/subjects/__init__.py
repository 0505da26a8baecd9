"""What persons may ask for: consents with receipts, clocks of requests, reports; pure."""
