//! Budgets: what may still be started, counted over what runs and what has run.
