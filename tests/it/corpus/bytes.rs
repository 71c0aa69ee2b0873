//! No bytes make `diagnose` panic, and none cost more than their size.
