//! The word that somebody probably meant.

/// The known word that `word` was probably meant to be.
pub fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    // A third of the letters wrong, and at least two, is still a slip; more is another word.
    let limit = (word.chars().count() / 3).max(2);
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit || (word.len() > 3 && candidate.starts_with(word)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
