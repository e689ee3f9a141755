"""People, tokens, stored logins and the vault that keeps their secrets."""
