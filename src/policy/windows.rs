//! Windows in which a recreate may start, with time zones and daylight saving.
