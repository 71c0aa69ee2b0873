//! What a decision promises, case by case.


