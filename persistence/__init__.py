"""Our own tables: the ledger, requests, facts, views; one transaction binds them."""
