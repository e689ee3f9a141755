"""Work beside deploys: reconcile, housekeeping, auto-rollback, impact reviews, sweep."""
