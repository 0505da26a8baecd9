"""A person's rights and the end of data: consent, requests, holds, restriction, retention and erasure."""
